"""The watch of the playground."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import replace

from bot.operating.watch import Watch
from bot.replies.interaction_record import InteractionRecord

_began: ContextVar[float] = ContextVar("glassbox-playground-began")
"""When the interaction of this context arrived, by `time.perf_counter`."""


class RealTimeWatch(Watch):
    """Times answers by a clock that simcord does not hold: its own stands still while the bot computes."""

    def began(self) -> None:
        _began.set(time.perf_counter())
        super().began()

    def ended(self, record: InteractionRecord) -> None:
        super().ended(replace(record, ended=time.perf_counter() - _began.get()))
