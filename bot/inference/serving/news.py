"""The events of an answer that is under way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from bot.errors import describe
from bot.inference.answering import Answering, Stage
from bot.inference.wire.codec import Codec, TaskForms
from bot.inference.wire.events import KEEP_ALIVE, Event, StateEvent, event_message

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often the stage of an answer is looked at."""
PARTIAL_SECONDS = 0.5
"""The least time between two partial results."""
QUIET_SECONDS = 15.0
"""The longest time without a byte, which proxies would take for a dead connection."""


class News:
    """What is new about an answer since the last look."""

    def __init__(self, answering: Answering[Any], codec: Codec, forms: TaskForms[Any]) -> None:
        self._answering = answering
        self._codec = codec
        self._forms = forms
        self._has_partials = any(one.preview is not None for one in forms.task.implementations.values())
        self._time = asyncio.get_running_loop().time
        self._state: StateEvent | None = None
        self._partial: Any = None
        self._said_at = self._time()
        self._partial_at = self._said_at - PARTIAL_SECONDS

    async def look(self) -> AsyncIterator[bytes]:
        """Yield what has changed, as messages; a comment if nothing has been said for long."""
        state = StateEvent.of(self._answering)
        if state != self._state and state.stage is not Stage.DONE:
            self._state = state
            yield self._said(event_message(Event.STATE, self._codec.state.encode(state)))
        if self._has_partials and self._time() - self._partial_at >= PARTIAL_SECONDS:
            self._partial_at = self._time()
            partial = await self._newest()
            if partial is not None and partial != self._partial:
                self._partial = partial
                yield self._said(event_message(Event.PARTIAL, self._forms.result.encode(partial)))
        if self._time() - self._said_at >= QUIET_SECONDS:
            yield self._said(KEEP_ALIVE)

    async def _newest(self) -> Any:
        try:
            return await self._answering.partial()
        except Exception as error:  # the answer may come all the same
            log.info("there are no more partial results: %s", describe(error))
            self._has_partials = False
            return None

    def _said(self, message: bytes) -> bytes:
        self._said_at = self._time()
        return message
