"""Time that passes only while everybody waits for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import asyncio_throttle.throttler
import pytest


class Clock:
    """The time of the loop that runs now: it stands still while anything can go on, and then jumps to the next timer.

    So a test that waits for an hour takes no time, and no busy machine changes the order of what happens in it. For
    code that uses no threads: nothing waits for those.

    Attributes:
        now: in seconds since the start.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        loop: Any = asyncio.get_running_loop()
        select = loop._selector.select

        def jump(timeout: float | None = None) -> Any:
            # Only an event from outside can go on where there is no timer.
            ready = select(None if timeout is None else 0)
            if not ready and timeout:
                self.now += timeout
            return ready

        monkeypatch.setattr(loop._selector, "select", jump)
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(asyncio_throttle.throttler, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(asyncio, "to_thread", _here)


async def _here(function: Any, /, *arguments: Any, **options: Any) -> Any:
    return function(*arguments, **options)
