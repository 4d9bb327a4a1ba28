"""`python -m tests.faults --soak`: 300 people use all of the bot while things go wrong, and nobody is forgotten.

The process is real, and so are the sockets; Discord is the small one of the tests, and the checkpoints are tiny.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.stopping import beside
from tests import tiny
from tests.bench.growth import Growth
from tests.faults.crowd.endings import Ending
from tests.faults.crowd.people import PEOPLE, Crowd
from tests.faults.crowd.process import MONITOR, TROUBLE
from tests.faults.crowd.rows_in_trouble import RowTrouble
from tests.faults.crowd.samples import (
    Held,
    Samples,
    busiest,
    lags_of,
    longest_collection,
    median,
    memory_growth,
    percentile,
)
from tests.faults.crowd.server import CrowdedDiscord
from tests.faults.crowd.weather import Weather
from tests.sharding.bot_process import BotProcess, bot_process
from tests.support import COURSE

SEED = 13
SOAK_SECONDS = 180.0
RATE = 12.0
"""Interactions a second that people begin with; what they press and fill in comes on top."""
WARMING = 0.1
"""The share of the time after which memory must be flat."""
ROW_TROUBLE = RowTrouble(failing=61, slow=53)
HEARTBEAT_SECONDS = 2.0
LATE_SECONDS = 0.5
"""By which a heartbeat must not be late."""
LAG_P99 = 25.0
"""Milliseconds."""
QUIET_SECONDS = 30.0
"""The longest that the process may take, when nobody asks any more, to let go of everything."""


@dataclass
class Soak:
    """What was seen.

    Attributes:
        ended: outcomes by the process's own count.
        before, after: what the process held when all had been used once, and at the end.
        latest_heartbeat: by how many seconds the latest one was late.
    """

    seconds: float
    asked: int
    tally: Counter[Ending]
    by_kind: Counter[tuple[str, Ending]]
    told: Counter[tuple[str, str]]
    waits: list[tuple[float, str]]
    errors: int
    drops: int
    before: Held
    after: Held
    growth: Growth
    lags: list[float]
    during: list[tuple[str, int]]
    longest_collection: float
    latest_heartbeat: float
    heartbeats: int
    ended: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    memory: tuple[int, int] = (0, 0)
    status: int = 0

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        counted = sum(self.tally.values())
        found = [f"{number} {what}" for what in (Ending.LOST, Ending.TWICE) if (number := self.tally[what])]
        if counted != self.asked:
            found.append(f"{self.asked} were asked, and {counted} have an ending")
        found += [f"a leak: {leak}" for leak in self.after.leaks_since(self.before)]
        if self.status:
            found.append(f"the process ended with status {self.status}")
        return found

    @property
    def late(self) -> list[str]:
        """What was too slow, or grew; only on a machine that does nothing else is that the bot's fault."""
        found = []
        if (p99 := percentile(self.lags, 0.99)) > LAG_P99:
            found.append(f"the event loop's lag has a 99th percentile of {p99:.0f} ms")
        if self.latest_heartbeat > LATE_SECONDS:
            found.append(f"a heartbeat was {self.latest_heartbeat:.1f} s late")
        if self.growth.verdict == "it grows":
            found.append("memory grows")
        return found

    def lines(self) -> list[str]:
        """Return a report."""
        waits, lags, grown = sorted(one for one, _ in self.waits), self.lags, self.growth
        slowest = ", ".join(f"{what} {seconds:.0f}" for seconds, what in sorted(self.waits)[:-6:-1])
        endings = ", ".join(f"{self.tally[one]:,} {one}" for one in Ending)
        return [
            f"{PEOPLE} people, {self.seconds:.0f} s, {self.asked:,} interactions of {len(self.by_kind)} kinds and "
            f"endings; {self.errors} errors of Discord, {self.drops} connections of the gateway dropped",
            f"endings: {endings}",
            f"by the process's own count: {', '.join(f'{number:,} {what}' for what, number in self.ended.items())}",
            f"seconds until the end: median {median(waits):.2f}, p99 {percentile(waits, 0.99):.2f}, "
            f"longest {waits[-1]:.2f}; the slowest were {slowest}",
            f"event loop's lag in ms: p50 {percentile(lags, 0.5):.1f}, p99 {percentile(lags, 0.99):.1f}, "
            f"p99.9 {percentile(lags, 0.999):.1f}, longest {lags[-1]:.1f}, of {len(lags):,}; longest "
            f"garbage collection {self.longest_collection:.1f}",
            f"heartbeats: {self.heartbeats}, the latest {1000 * self.latest_heartbeat:.0f} ms late",
            f"memory: {self.memory[0] / 1e6:.0f} MB after everything was used once, {self.memory[1] / 1e6:.0f} MB at "
            f"the end; after the first tenth {grown.verdict} ({grown.bytes / 1e6:+.1f} MB in {grown.requests:,}, "
            f"{grown.bytes_per_request:+,.0f} ± {grown.margin:,.0f} bytes each)",
            f"held before: {self.before}",
            f"held after:  {self.after}",
            *(f"while late, {number} ×: {what}" for what, number in self.during),
            *self.strange,
        ]


@asynccontextmanager
async def crowded_bot(
    folder: Path, trouble: RowTrouble, **variables: str
) -> AsyncIterator[tuple[CrowdedDiscord, BotProcess, Samples]]:
    """Run a bot process with tiny checkpoints, connected to a small Discord with a server."""
    checkpoints = await asyncio.to_thread(tiny.build_all, folder / "checkpoints")
    monitor = folder / "monitor.jsonl"
    settings = {
        **{f"{task.upper()}_CHECKPOINT": str(checkpoints[name]) for task, name in COURSE.items()},
        "DEVICES": "cpu",
        "PRECISION": "float32",
        "CACHE_DIR": str(folder / "cache"),
        "METRICS_ADDRESS": "off",
        "MESSAGE_CONTENT": "1",
        "LOG_LEVEL": "INFO",
        "HF_HUB_OFFLINE": "1",
        MONITOR: str(monitor),
        TROUBLE: json.dumps(vars(trouble)),
        **variables,
    }
    module = "tests.faults.crowd.process"
    discord = CrowdedDiscord(heartbeat_seconds=HEARTBEAT_SECONDS)
    async with (
        discord.serving(),
        bot_process(discord.address, folder / "bot.log", settings, module) as process,
    ):
        await discord.connected()
        await discord.until("PUT", "/commands")
        yield discord, process, Samples(monitor)


async def soak(seconds: float, rate: float = RATE, folder: Path | None = None) -> Soak:
    """Drive the bot for so many seconds."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="glassbox-soak-") as name:
            return await soak(seconds, rate, Path(name))
    state = random.Random(SEED)
    async with crowded_bot(folder, ROW_TROUBLE) as (discord, process, samples):
        crowd = Crowd(discord, state)
        await crowd.ask_each()
        await crowd.ask(WARMING * seconds, rate)  # opens as many connections and threads as the rest needs
        await crowd.settle()
        before = await _quiet(samples, None)
        first = len(samples.all())
        weather = Weather(discord, random.Random(SEED))
        async with beside(crowd.follow()):
            async with beside(weather.rage()):
                await crowd.ask(seconds, rate)
            weather.clear_up()
            await crowd.settle()
        await crowd.settle()
        last = len(samples.all())
        after = await _quiet(samples, before)
        crowd.recheck()
        status = await process.stop()
        everything = samples.all()
        return _report(seconds, crowd, weather, before, after, everything, everything[first:last], discord, status)


async def _quiet(samples: Samples, before: Held | None) -> Held:
    """Wait until the process holds no more than before; return what it holds."""
    waited = 0.0
    held = samples.held()
    while waited < QUIET_SECONDS and (before is None or held.leaks_since(before)):
        await asyncio.sleep(1)
        waited += 1
        newer = samples.held()
        if before is None and waited >= 4 and newer == held:
            break
        held = newer
    return held


def _report(
    seconds: float,
    crowd: Crowd,
    weather: Weather,
    before: Held,
    after: Held,
    everything: Sequence[dict[str, Any]],
    during: Sequence[dict[str, Any]],
    discord: CrowdedDiscord,
    status: int,
) -> Soak:
    lateness = [
        later - earlier - HEARTBEAT_SECONDS
        for beats in discord.heartbeats_at.values()
        for earlier, later in itertools.pairwise(beats)
    ]
    return Soak(
        seconds,
        crowd.asked,
        crowd.tally,
        crowd.by_kind,
        crowd.told,
        crowd.waits,
        weather.errors,
        weather.drops,
        before,
        after,
        memory_growth(during),
        lags_of(during),
        busiest(during),
        longest_collection(during),
        max([0.0, *lateness]),
        len(lateness),
        Counter(everything[-1]["ended"]),
        [f"{one.ending}: {one.what}: {exchange}"[:3000] for one, exchange in crowd.strange],
        (during[0]["memory"], everything[-1]["memory"]),
        status,
    )
