"""Time in tests: how long they wait for what must come, and timers that go off when a test says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

PATIENCE = 300.0
"""Seconds after which what a test waits for has not come. Only what hangs takes so long, however busy the machine is: a
test that passes never waits for it."""
FAR = 10_000.0
"""Seconds until a timer that goes off in no test by itself, but only where `Timers.skip` has it do so."""


class Timers:
    """The running loop's timers. Threads and sockets go on as ever; the loop's clock can be put forward.

    So a test sets a deadline that is `FAR` away, brings about what it wants to see, and only then has it pass.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop: Any = asyncio.get_running_loop()
        time = loop.time
        self._ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: time() + self._ahead)

    async def skip(self, seconds: float = FAR) -> None:
        """Have all timers go off that are due by then, and what they call begin."""
        self._ahead += seconds
        await turns()


async def turns(number: int = 10) -> None:
    """Let everything on the loop go on that waits for nothing but its turn."""
    for _ in range(number):
        await asyncio.sleep(0)
