"""Answers that come in time, or say why not."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from bot.errors import DeadlinePassed, GlassboxError, StillLoading
from bot.inference.answering import Answering
from bot.inference.requests import Answer

ResultT = TypeVar("ResultT")

ENDING_SHARE = 0.1
"""Of the time, at the end, in which a text that is being written comes to its end."""
ENDING_SECONDS = 2.0
"""The most of that."""


async def answer_within(answering: Answering[ResultT], seconds: float | None) -> Answer[ResultT]:
    """Wait for an answer, at most so long. Shortly before the end, a text stops where it is, and is the answer.

    Args:
        seconds: None for as long as the backend lets it take.

    Raises:
        DeadlinePassed: there is none in time.
        GlassboxError: as awaiting it raises.
    """
    if seconds is not None and not await _is_done_within(answering, seconds):
        error = _too_late(answering, seconds)
        answering.cancel()
        raise error
    return await answering


async def _is_done_within(answering: Answering[object], seconds: float) -> bool:
    now = asyncio.get_running_loop().time
    end = now() + seconds
    if await answering.wait(seconds - min(ENDING_SECONDS, ENDING_SHARE * seconds)):
        return True
    try:
        async with asyncio.timeout_at(end):
            if await answering.partial() is not None:
                answering.stop()
    except TimeoutError:
        return answering.done()
    return await answering.wait(max(0.0, end - now()))


def _too_late(answering: Answering[object], seconds: float) -> GlassboxError:
    loading = answering.state.loading
    return DeadlinePassed(seconds) if loading is None else StillLoading(loading.checkpoint, loading.seconds_left)
