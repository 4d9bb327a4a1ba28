"""What crosses between our own Ray processes: plain values, which Ray pickles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import GlassboxError
from bot.inference.answering import AnsweringState
from bot.inference.requests import Answer, Request
from bot.inference.status import WorkerStatus


@dataclass(frozen=True)
class Asked:
    """A request on its way to a replica.

    Attributes:
        id: the same if it is asked again on another replica.
        request_id: for the log, see `bot.request_ids`.
        background: see `Backend.submit`.
    """

    id: str
    request: Request[Any]
    person: int
    request_id: str
    background: bool = False


@dataclass(frozen=True)
class Heard:
    """How far a replica is with a request.

    Attributes:
        queue_position: see `Answering.queue_position`.
        partial: the newest partial result; None if there is nothing to show.
    """

    state: AnsweringState
    queue_position: int | None
    partial: object | None


@dataclass(frozen=True)
class Answered:
    """The answer."""

    answer: Answer[Any]


@dataclass(frozen=True)
class Failed:
    """An error with a sentence. Exceptions whose constructors take other arguments than a sentence can't be pickled."""

    kind: type[GlassboxError]
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, error: GlassboxError) -> Failed:
        return cls(type(error), vars(error))

    def error(self) -> GlassboxError:
        """Return the error."""
        made = self.kind.__new__(self.kind)
        vars(made).update(self.fields)
        made.args = (made.english,)
        return made


Event = Heard | Answered | Failed
"""What a replica says of a request; the last is never `Heard`."""


@dataclass(frozen=True)
class Report:
    """A replica's load.

    Attributes:
        languages: by task, and by the checkpoint's name, the pairs that it translates (targets by source).
    """

    status: WorkerStatus
    languages: Mapping[str, Mapping[str, frozenset[str]]]
