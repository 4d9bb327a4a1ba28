"""The events of an answer, as server-sent events.

Source: WHATWG, HTML Living Standard, section "Server-sent events".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.inference.answering import Answering, AnsweringState, Loading, Stage


class Event(StrEnum):
    """The names of events. A stream is `accepted`, any number of `state` and `partial`, then `answer` or `error`."""

    ACCEPTED = "accepted"
    """`Accepted`."""
    STATE = "state"
    """`StateEvent`, when it has changed."""
    PARTIAL = "partial"
    """The newest partial result, as the task's result; only of tasks that have some."""
    ANSWER = "answer"
    """`Answer`, and the end."""
    ERROR = "error"
    """An error (see `bot.inference.wire.errors`), and the end."""


@dataclass(frozen=True)
class Accepted:
    """The id under which an answer can be stopped."""

    id: str


@dataclass(frozen=True)
class StateEvent:
    """An answer's stage.

    Attributes:
        loading: in the stage LOADING only.
        queue_position: how many rows are due before the request's first one; in the stage QUEUED only.
    """

    stage: Stage
    loading: Loading | None = None
    queue_position: int | None = None

    @classmethod
    def of(cls, answering: Answering[object]) -> StateEvent:
        """Return the current stage of an answer."""
        state = answering.state
        return cls(state.stage, state.loading, answering.queue_position)

    @property
    def state(self) -> AnsweringState:
        """The stage as an `Answering` tells it."""
        return AnsweringState(self.stage, self.loading)


KEEP_ALIVE: Final = b": still here\n\n"
"""A comment, which clients ignore. It keeps proxies from closing a quiet connection."""


def event_message(event: Event, data: bytes) -> bytes:
    """Return an event as it is sent; `data` is JSON, which has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (event.value.encode(), data)
