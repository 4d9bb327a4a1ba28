"""`python -m bot …` as a process of its own, connected to the small Discord of the tests.

Run as `python -m tests.sharding.bot_process run`, it is `python -m bot run`, except that Discord has the address
`DISCORD_ADDRESS`, and that `STAND_IN_SECONDS` puts a stand-in in the place of the models.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import discord.gateway
import discord.http
import yarl

from tests.discord_server import TOKEN
from tests.timers import PATIENCE

ROOT = Path(__file__).parents[2]


class BotProcess:
    """A bot process.

    Args:
        log: the file that its output is added to.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop, as an orchestrator does; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@contextlib.asynccontextmanager
async def bot_process(
    address: str, log: Path, variables: Mapping[str, str], module: str = "tests.sharding.bot_process"
) -> AsyncIterator[BotProcess]:
    """Run a bot process; it is killed at the end of the body if it has not ended.

    Args:
        address: of the small Discord, `host:port`.
        variables: the process's settings.
        module: this one, or one that runs it with more around it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_CHECKPOINT", "DISCORD_TOKEN"))}
    environment = {**kept, "DISCORD_TOKEN": TOKEN, "DISCORD_ADDRESS": address, "PYTHONPATH": str(ROOT), **variables}
    command = sys.executable, "-m", module, "run"
    with await asyncio.to_thread(log.open, "ab") as file:
        # Not in the folder of the repository, where an operator's `.env` may lie.
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=log.parent, stdout=file, stderr=file
        )
    try:
        yield BotProcess(process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def main() -> None:
    """Run the bot's command line."""
    address = os.environ["DISCORD_ADDRESS"]
    discord.http.Route.BASE = f"http://{address}/api"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://{address}/gateway")
    if (seconds := os.environ.get("STAND_IN_SECONDS")) is not None:
        from bot import app
        from tests.sharding.stand_in import open_stand_in

        app.open_backend = open_stand_in(float(seconds))
    from bot.__main__ import main as bot_main

    bot_main()


if __name__ == "__main__":
    main()
