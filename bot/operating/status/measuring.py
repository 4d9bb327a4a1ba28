"""Collects what the overview of `/status` shows."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Protocol

import psutil

from bot import __version__
from bot.inference.backend import Backend, CheckpointControl
from bot.operating.maintenance import Maintenance
from bot.operating.roll_call import RollCall
from bot.operating.status.snapshot import Measured, Snapshot
from bot.operating.watch import Watch

PACKAGES = ("discord.py", "torch", "transformers")


class Measurable(Protocol):
    """The bot, as far as this needs it."""

    @property
    def backend(self) -> Backend: ...
    @property
    def watch(self) -> Watch | None: ...
    @property
    def maintenance(self) -> Maintenance: ...
    @property
    def roll_call(self) -> RollCall: ...
    @property
    def shard_count(self) -> int | None: ...


class Measuring:
    """Takes snapshots of a bot."""

    def __init__(self, bot: Measurable) -> None:
        self._bot = bot

    async def snapshot(self) -> Snapshot:
        """Return how everything is now."""
        bot = self._bot
        is_remote = not isinstance(bot.backend, CheckpointControl)
        return Snapshot(
            process=bot.roll_call.process,
            is_remote=is_remote,
            status=bot.backend.status(),
            measured=None if bot.watch is None else await self._measured(bot.watch),
            notice=await bot.maintenance.notice(),
            shards=await bot.roll_call.all(),
            shard_count=bot.shard_count,
            versions=await asyncio.to_thread(versions),
        )

    async def _measured(self, watch: Watch) -> Measured:
        return Measured(
            began_at=watch.began_at,
            missing=watch.missing(),
            memory=await asyncio.to_thread(_resident_bytes),
            lag=watch.heartbeat.lag,
            latencies=watch.last_hour.latencies,
            failures=watch.last_hour.failures,
            refusals=watch.invalid_requests.refusals(),
            throughput=watch.samples.lately(self._bot.backend.status()),
        )


def versions() -> Mapping[str, str]:
    """Return the versions of what runs in this process. Reads files."""
    found = {"Glassbox": __version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # of a process without models
            continue
    return found


def _resident_bytes() -> int | None:
    try:
        return int(psutil.Process().memory_info().rss)
    except (psutil.Error, OSError):
        return None
