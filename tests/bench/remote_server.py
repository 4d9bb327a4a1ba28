"""The server of `tests.bench.remote`: a worker behind the API, until its standard input ends."""

from __future__ import annotations

import asyncio
import sys

import uvicorn

from bot.app import chosen_preset, open_backend
from bot.inference.serving.api import create_app
from bot.inference.wire.codec import Codec
from bot.settings import read_settings
from bot.tasks import all_tasks

READY = "ready at "


async def serve(tasks: list[str]) -> None:
    """Load the checkpoints of tasks, say the address, and serve."""
    settings = read_settings()
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as worker:
        await worker.load(tasks)
        app = create_app(worker, Codec(all_tasks()))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        address, port = server.servers[0].sockets[0].getsockname()
        print(f"{READY}http://{address}:{port}", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1].split(",")))
