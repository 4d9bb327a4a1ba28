"""The server of `tests.bench.remote`: a worker behind the API, until its standard input ends."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence

import uvicorn

from bot.app import chosen_preset, open_backend
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.limits import Limits
from bot.inference.serving.api import create_app
from bot.inference.wire.codec import Codec
from bot.inference.worker import InferenceWorker
from bot.settings import Settings, read_settings
from bot.tasks import all_tasks
from tests.bench.scale_standin import OpenSleepingWorker, Pace, sleeping_preset

READY = "ready at "
ROWS = 32
"""Most rows in a forward pass of a device that sleeps."""


async def serve(tasks: list[str], sleeping: float | None) -> None:
    """Load the checkpoints of tasks, say the address, and serve.

    Args:
        sleeping: the seconds of a forward pass of a device that sleeps; None for this machine's device.
    """
    settings = read_settings()
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with worker_of(settings, preset, tasks, sleeping) as worker:
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


@contextlib.asynccontextmanager
async def worker_of(
    settings: Settings, preset: Preset, tasks: Sequence[str], sleeping: float | None
) -> AsyncIterator[InferenceWorker]:
    """Run a worker whose checkpoints are loaded; see `serve`."""
    if sleeping is not None:
        limits = Limits(requests=1_000, per_person=100)
        async with OpenSleepingWorker(sleeping_preset(), limits, Pace(sleeping, rows=ROWS))() as worker:
            yield worker
        return
    async with open_backend(settings, preset) as worker:
        await worker.load(tasks)
        yield worker


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1].split(","), float(sys.argv[2]) if sys.argv[2] else None))
