"""Asking how an answer came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from bot.inference.requests import LabelScore, Request
from bot.tasks.commands import COMMANDS
from bot.tasks.work.blocks import Explanation

WrittenIds: TypeAlias = tuple[tuple[int, ...], ...]
"""Token ids of each text of an answer."""


@dataclass(frozen=True)
class WorkRequest(Request[Explanation]):
    """Opens the answer to another request. It is stored in JSON by the names of its fields.

    Attributes:
        task: the other request's task.
        content: the other request's fields, in JSON.
        written: what an answer consists of that was drawn at random: it is read again, not drawn again.
        answered: what the answer said first, if that is a label or several, such as the words of several masks. The
            explanation does not depend on it; what is shown of it may.
        evidence: whether pages that take long are computed now, and not left for a request of their own.
    """

    task: str
    content: str
    written: WrittenIds = ()
    answered: tuple[LabelScore, ...] = field(default=(), compare=False)
    evidence: bool = False

    def __post_init__(self) -> None:
        _ = self.about  # raises if the content is none of a request

    @classmethod
    def of(
        cls, request: Request[object], written: WrittenIds = (), answered: tuple[LabelScore, ...] = ()
    ) -> WorkRequest:
        """Ask how the answer to a request came about."""
        [task] = [task.name for task in COMMANDS if task.request is type(request)]
        return cls(task, _adapter(task).dump_json(request).decode(), written, answered)

    @property
    def checkpoint(self) -> str:
        """The one that answered."""
        return self.task

    @cached_property
    def about(self) -> Request[object]:
        """The other request."""
        request: Request[object] = _adapter(self.task).validate_json(self.content)
        return request


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    [request] = [task.request for task in COMMANDS if task.name == name]
    return TypeAdapter(request)
