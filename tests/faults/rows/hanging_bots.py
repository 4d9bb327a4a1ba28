"""A whole bot in which a pass hangs: it is told to stop in vain, or nothing in it runs any more, not even Python."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.operating.freezes import FROZEN
from tests import tiny
from tests.faults.fault import Fault
from tests.faults.hanging_bot import FREEZE, HANGING
from tests.faults.rows.stopping import Scene, opened_scene
from tests.faults.tally import Tally
from tests.sharding.bot_process import BotProcess
from tests.timers import PATIENCE

PEOPLE = 5
BETWEEN_SECONDS = 1.0
"""Between two signals, so that they are not those of one Ctrl-C."""
SOON_SECONDS = 10.0
"""The longest that "at once" may be on a busy machine. Without a second signal the stop takes its `DRAIN_SECONDS`."""
HANG_SECONDS = 10.0
"""A process ends after twice this long without a turn, so no start on a busy machine may take that long for one."""

Ending = Callable[[BotProcess], Awaitable[int | None]]
"""Has a process end whose pass hangs, or waits until it does; returns its exit status."""


@asynccontextmanager
async def _hanging(**variables: str) -> AsyncIterator[tuple[Scene, Path]]:
    """A scene with a real (tiny) checkpoint, and the file that has passes hang."""
    with tempfile.TemporaryDirectory(prefix="glassbox-hanging-") as folder:
        home = Path(folder)
        await asyncio.to_thread(tiny.distilbert, home / "checkpoint")
        known = {
            "SENTIMENT_CHECKPOINT": str(home / "checkpoint"),
            "HF_HUB_OFFLINE": "1",
            "DEVICES": "cpu",
            "PRECISION": "float32",
            "DRAIN_SECONDS": str(PATIENCE),
            "HANG_WHEN": str(home / "hang"),
        }
        async with opened_scene("tests.faults.hanging_bot", **known, **variables) as found:
            yield found, home / "hang"


async def _ended(times: int, ending: Ending, status: int, **variables: str) -> Tally:
    """Let a pass hang while people wait, and the process end; the next one answers them, and somebody more."""
    tally = Tally()
    for _ in range(times):
        async with _hanging(**variables) as (found, when):
            async with found.process() as process:
                await asyncio.to_thread(when.touch)
                await found.ask(PEOPLE)
                async with asyncio.timeout(PATIENCE):
                    while not await asyncio.to_thread(when.with_suffix(HANGING).exists):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await asyncio.to_thread(when.with_suffix(FREEZE).touch)
                ended = await ending(process)
            await asyncio.to_thread(when.unlink)
            async with found.process():
                await found.settled()
                await found.ask(1)
                await found.settled()
            tally += found.tally() + Tally(lost=int(ended != status))
    return tally


async def _three_signals(process: BotProcess) -> int | None:
    """Send SIGTERM, SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        if process.process.returncode is None:
            process.process.send_signal(number)
        await asyncio.sleep(BETWEEN_SECONDS)
    try:
        return await asyncio.wait_for(process.process.wait(), SOON_SECONDS)
    except TimeoutError:
        return None


async def _by_itself(process: BotProcess) -> int | None:
    return await asyncio.wait_for(process.process.wait(), PATIENCE)


async def signals(times: int) -> Tally:
    """A pass hangs, and the operator sends two SIGTERMs and a SIGINT."""
    return await _ended(times, _three_signals, 128 + signal.SIGTERM)


async def lock(times: int) -> Tally:
    """A call into C hangs and keeps Python's global lock: no watchdog, no handler of signals, no `/healthz` runs."""
    return await _ended(times, _by_itself, FROZEN, HANG_KIND="lock", HANG_SECONDS=str(HANG_SECONDS))


FAULTS: tuple[Fault, ...] = (
    (
        Fault("hang-signals", "two SIGTERMs and a SIGINT while a pass hangs", signals, times=3, slow=True),
        Fault("hang-lock", "a hang that keeps Python's global lock: the process ends", lock, times=2, slow=True),
    )
    if os.name == "posix"
    else ()
)
