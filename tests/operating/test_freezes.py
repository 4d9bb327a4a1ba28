"""A process in which nothing runs any more ends; one that is slow does not."""

from __future__ import annotations

import asyncio
import faulthandler
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.operating.freezes import HANGS, LEAST_SECONDS, TURNS, ended_if_frozen
from tests.timers import PATIENCE, Timers, turns

ROOT = Path(__file__).parents[2]
FREEZING = """
import asyncio, ctypes
from bot.operating import freezes

freezes.LEAST_SECONDS = 0.5

async def main(text):
    ctypes.PyDLL(None).sleep(10_000)  # it keeps Python's global lock

asyncio.run(freezes.ended_if_frozen(main("what somebody wrote"), 0.1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the C library's sleep has another name there")
def test_a_process_that_keeps_the_global_lock_ends_and_shows_no_text() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREEZING], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "most recent call first" in done.stderr
    assert "somebody" not in done.stderr


async def test_each_turn_puts_the_end_off_and_the_end_of_the_work_calls_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that since the last turn, so nothing that has turns is ended, however slow."""
    armed: list[float] = []
    called_off: list[bool] = []

    def arm(seconds: float, **options: Any) -> None:
        assert options["exit"]
        armed.append(seconds)

    monkeypatch.setattr(faulthandler, "dump_traceback_later", arm)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: called_off.append(True))
    timers, end = Timers(monkeypatch), asyncio.Event()

    async def work() -> None:
        await end.wait()

    guarded = asyncio.create_task(ended_if_frozen(work(), 100.0))
    await turns()
    for number in range(1, 4):
        await timers.skip(HANGS * 100.0 / TURNS)
        assert armed == [225.0] * (number + 1)
    assert not called_off
    end.set()
    await guarded
    assert called_off
    await timers.skip()
    assert len(armed) == 4


async def test_a_short_time_is_never_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[float] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, **options: armed.append(seconds))
    await ended_if_frozen(asyncio.sleep(0), 0.001)
    assert armed == [LEAST_SECONDS * (1 + 1 / TURNS)]
