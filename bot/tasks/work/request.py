"""Asking how an answer came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from bot.inference.requests import Answer, LabelScore, Request
from bot.tasks.commands import COMMANDS
from bot.tasks.work.blocks import Explanation

WrittenIds: TypeAlias = tuple[tuple[int, ...], ...]
"""Generated token ids, of each text of an answer. Without any, an explanation generates the answer first."""


@dataclass(frozen=True)
class Journey:
    """How a request came to its answer.

    Attributes:
        waited: seconds in the queue.
        rows: of the largest forward pass that its rows took part in, those of other requests included; 0 if none ran.
    """

    waited: float
    rows: int

    @classmethod
    def of(cls, answer: Answer[object]) -> Journey:
        """Return the journey of an answered request."""
        return cls(answer.waited, answer.rows)


@dataclass(frozen=True)
class Exchange:
    """Words that may stand in the place of another one.

    Attributes:
        place: index of the word.
        words: the likeliest first.
    """

    place: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class WorkRequest(Request[Explanation]):
    """Opens the answer to another request. It is stored in JSON by the names of its fields."""

    task: str
    """The other request's task."""
    content: str
    """The other request's fields, in JSON."""
    written: WrittenIds = ()
    answered: tuple[LabelScore, ...] = field(default=(), compare=False)
    """The answer's labels, such as the words of several masks. The explanation doesn't depend on them; how it is shown
    may."""
    evidence: bool = False
    """Compute pages that take long now, rather than in a request of their own."""
    finer: bool = False
    """Compute them as closely as there is time for, rather than for a first picture."""
    page: int | None = None
    """Of the pages about written texts, the number of the only one that is computed, from 0; None for all of them."""
    flip: bool = False
    """Compute the page that says what would give the text another label."""
    exchanges: tuple[Exchange, ...] = ()
    """Words that are tried on that page."""
    journey: Journey | None = field(default=None, compare=False)
    """Of the answer, for the map of its way; None if there was none before."""

    def __post_init__(self) -> None:
        # Raises if the content isn't that of a request. What an earlier version kept lacks later fields, and is made
        # equal to what this one would write.
        object.__setattr__(self, "content", _adapter(self.task).dump_json(self.about).decode())

    @classmethod
    def of(
        cls,
        request: Request[object],
        written: WrittenIds = (),
        answered: tuple[LabelScore, ...] = (),
        journey: Journey | None = None,
    ) -> WorkRequest:
        """Ask how the answer to a request came about."""
        return cls(*write_request(request), written, answered, journey=journey, checkpoint=request.checkpoint)

    @property
    def checkpoint_task(self) -> str:
        """The other request's task."""
        return self.task

    @cached_property
    def about(self) -> Request[object]:
        """The other request."""
        return read_request(self.task, self.content)


def write_request(request: Request[object]) -> tuple[str, str]:
    """Return a request's task, and its fields in JSON."""
    [task] = [task.name for task in COMMANDS if task.request is type(request)]
    return task, _adapter(task).dump_json(request).decode()


def read_request(task: str, content: str) -> Request[object]:
    """Return the request that `write_request` has written; raise `ValidationError` if it is none."""
    request: Request[object] = _adapter(task).validate_json(content)
    return request


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    [request] = [task.request for task in COMMANDS if task.name == name]
    return TypeAdapter(request)
