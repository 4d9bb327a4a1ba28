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
from pathlib import Path
from typing import Any

from bot.stopping import beside
from tests import tiny
from tests.faults.crowd.people import Crowd
from tests.faults.crowd.process import MONITOR, TROUBLE
from tests.faults.crowd.report import Soak
from tests.faults.crowd.rows_in_trouble import RowTrouble
from tests.faults.crowd.samples import (
    Held,
    Samples,
    busiest,
    lags_of,
    longest_collection,
    memory_growth,
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
"""How much of the time people ask before anything is measured."""
ROW_TROUBLE = RowTrouble(failing=61, slow=53)
HEARTBEAT_SECONDS = 2.0
QUIET_SECONDS = 30.0
"""The longest that the process may take, when nobody asks any more, to let go of everything."""


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
