"""A real process, `python -m bot run`, from its start to its first answers, at the small Discord of the tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.bench import start_process
from tests.discord_server import TOKEN, DiscordServer

POLL_SECONDS = 0.05
_METRICS = re.compile(r"metrics and health are at (http://\S+)")


@dataclass
class Started:
    """A bot process that has been started.

    Attributes:
        began: when, in seconds of `time.perf_counter`, which is one clock for all processes.
        log: the file with its output.
    """

    process: asyncio.subprocess.Process
    discord: DiscordServer
    log: Path
    began: float = field(default_factory=time.perf_counter)

    async def logged_in(self) -> float:
        """Return the seconds until it has logged in, which is the first thing that it asks Discord for."""
        await self.discord.until("GET", "/users/@me", lambda content: True)
        return self._seconds

    async def connected(self) -> float:
        """Return the seconds until it hears of interactions."""
        await self.discord.connected()
        return self._seconds

    async def answered(self, command: str, **options: str | int | float) -> tuple[float, float]:
        """Ask now; return the seconds until it has acknowledged that, and until the answer is there."""
        token = await self.discord.invoke(command, **options)
        exchange = self.discord.exchanges[token]
        await self.discord.until("POST", f"/{token}/callback")
        acknowledged = self._seconds
        if not exchange.response.get("embeds"):
            await self.discord.until("PATCH", f"/{token}/messages/@original", lambda edit: edit.get("embeds"))
        return acknowledged, self._seconds

    async def ready(self) -> float:
        """Return the seconds until everything is loaded that is loaded ahead of time."""
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.metrics}/readyz") as response:
                    if response.status == 200:
                        return self._seconds
                await asyncio.sleep(POLL_SECONDS)

    @property
    def metrics(self) -> str:
        """Where the process serves its metrics; known when it has connected."""
        return str(_METRICS.findall(self.log.read_text())[-1])

    @property
    def resident(self) -> tuple[int, int]:
        """The bytes of its resident memory, now and at their peak."""
        now = psutil.Process(self.process.pid).memory_info().rss
        status = Path(f"/proc/{self.process.pid}/status")
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return now, 1024 * int(peaks[0])

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self.began


@contextlib.asynccontextmanager
async def started(folder: Path, tree: Path, variables: Mapping[str, str]) -> AsyncIterator[Started]:
    """Start a bot process, and kill it at the end of the body.

    Args:
        folder: for its cache and its output.
        tree: a checkout of the repository, whose bot this is.
        variables: further settings.
    """
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_CHECKPOINT", "DISCORD_TOKEN"))}
    async with DiscordServer().serving() as discord:
        environment = {
            **kept,
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_ADDRESS": discord.address,
            "METRICS_ADDRESS": "127.0.0.1:0",
            "CACHE_DIR": str(folder),
            "PYTHONPATH": str(tree),
            **variables,
        }
        command: Any = (sys.executable, "-P", start_process.__file__, "run")
        log = folder / "log.txt"
        with await asyncio.to_thread(log.open, "ab") as file:
            began = time.perf_counter()
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, cwd=folder, stdout=file, stderr=file
            )
        try:
            yield Started(process, discord, log, began)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
