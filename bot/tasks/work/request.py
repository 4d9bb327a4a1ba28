"""Asking how an answer came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from bot.errors import ModelUnavailable
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks import task_names
from bot.tasks.scores import LabelScore
from bot.tasks.work.attribution import attributed
from bot.tasks.work.pieces import Work

Written: TypeAlias = tuple[tuple[int, ...], ...]
"""Token ids of each text of an answer."""
Explain: TypeAlias = Callable[[Any, Any, Written], TaskRun[Work]]
"""How an answer is opened: `(head, request, what was written) -> TaskRun[Work]`."""


@dataclass(frozen=True)
class WorkRequest(Request[Work]):
    """Opens the answer to another request.

    Attributes:
        task: the other request's task.
        content: the other request's fields, in JSON, so that this one can be kept like any other.
        written: where the answer was drawn at random, what it consists of: it is read again, not drawn again.
        answered: what the answer said first, where that is a label or several, such as the words of several masks. The
            work does not depend on it; what is shown of the work may.
        evidence: whether pieces that take long are computed now, and not left for a request of their own.
    """

    task: str
    content: str
    written: Written = ()
    answered: tuple[LabelScore, ...] = field(default=(), compare=False)
    evidence: bool = False

    def __post_init__(self) -> None:
        assert self.about is not None  # raises where the content is none of a request

    @classmethod
    def of(cls, request: Request[Any], written: Written = (), answered: tuple[LabelScore, ...] = ()) -> WorkRequest:
        """How the answer to a request came about."""
        task = task_names()[type(request)]
        return cls(task, _adapter(task).dump_json(request).decode(), written, answered)

    @property
    def checkpoint(self) -> str:
        """The one that answered."""
        return self.task

    @cached_property
    def about(self) -> Request[Any]:
        """The other request."""
        request: Request[Any] = _adapter(self.task).validate_json(self.content)
        return request


@cache
def _adapter(task: str) -> TypeAdapter[Any]:
    [request] = [request for request, name in task_names().items() if name == task]
    return TypeAdapter(request)


def explanations() -> Mapping[str, Mapping[HeadKind, Explain]]:
    """How answers are opened, by task and kind of head."""
    from bot.tasks.work import (
        answer,
        chat,
        complete,
        entities,
        fill,
        generate,
        sentiment,
        similarity,
        summarize,
        translate,
        zeroshot,
    )

    return {
        "sentiment": sentiment.EXPLANATIONS,
        "fill": fill.EXPLANATIONS,
        "generate": generate.EXPLANATIONS,
        "translate": translate.EXPLANATIONS,
        "zeroshot": zeroshot.EXPLANATIONS,
        "entities": entities.EXPLANATIONS,
        "similarity": similarity.EXPLANATIONS,
        "answer": answer.EXPLANATIONS,
        "summarize": summarize.EXPLANATIONS,
        "complete": complete.EXPLANATIONS,
        "chat": chat.EXPLANATIONS,
    }


def show_work(head: Any, request: WorkRequest) -> TaskRun[Work]:
    """Open an answer on the head that gave it.

    Raises:
        ModelUnavailable: answers of this command cannot be opened on this kind of checkpoint.
    """
    explain = explanations().get(request.task, {}).get(head.kind)
    if explain is None:
        raise ModelUnavailable(f"I cannot show the work of /{request.task} on this kind of checkpoint yet.")
    work = yield from explain(head, request.about, request.written)
    return (yield from attributed(head, work)) if request.evidence else work


TASK = Task("work", WorkRequest, dict.fromkeys(HeadKind, show_work), weight=64)
