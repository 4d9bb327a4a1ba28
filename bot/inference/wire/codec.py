"""The JSON of everything that crosses the interface of inference.

::

    codec = Codec(all_tasks())
    codec["sentiment"].request.encode(SentimentRequest("Great."))      # b'{"text":"Great."}'
    codec["sentiment"].answer.decode(body)                             # an Answer[SentimentResult]
    codec.status.decode(body)                                          # a WorkerStatus
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import AfterValidator, PlainSerializer

from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.requests import Answer, Request
from bot.inference.status import WorkerStatus
from bot.inference.task import Task
from bot.inference.wire.events import Accepted, StateEvent
from bot.inference.wire.form import Form
from bot.inference.wire.request_form import RequestForm

ResultT = TypeVar("ResultT")


class TaskForms(Generic[ResultT]):
    """The JSON of one task. Forms are made when they are first used."""

    def __init__(self, task: Task[ResultT]) -> None:
        self.task = task

    @cached_property
    def request(self) -> RequestForm[Request[ResultT]]:
        """Its requests."""
        return RequestForm(self.task.request)

    @cached_property
    def result(self) -> Form[ResultT]:
        """Its results, partial ones included."""
        return Form(result_class(self.task.request))

    @cached_property
    def answer(self) -> Form[Answer[ResultT]]:
        """Its answers."""
        return Form(Answer[result_class(self.task.request)])  # type: ignore[misc]  # known at run time only


class Codec(Mapping[str, TaskForms[Any]]):
    """The JSON of some tasks, by their names, and of what is the same for all of them.

    Args:
        tasks: those that the composition root knows.
    """

    def __init__(self, tasks: Iterable[Task[Any]]) -> None:
        self._tasks = {task.name: TaskForms(task) for task in tasks}
        self._names = {forms.task.request: name for name, forms in self._tasks.items()}

    def __getitem__(self, task: str) -> TaskForms[Any]:
        return self._tasks[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def task_of(self, request: Request[Any]) -> str:
        """Return the name of the task that answers a request."""
        return self._names[type(request)]

    @cached_property
    def accepted(self) -> Form[Accepted]:
        """The event `accepted`."""
        return Form(Accepted)

    @cached_property
    def state(self) -> Form[StateEvent]:
        """The event `state`."""
        return Form(StateEvent)

    @cached_property
    def status(self) -> Form[WorkerStatus]:
        """The status of a worker."""
        return Form(WorkerStatus)

    @cached_property
    def description(self) -> Form[CheckpointDescription]:
        """Descriptions of checkpoints."""
        return Form(CheckpointDescription)

    @cached_property
    def languages(self) -> Form[LanguagePairs | None]:
        """The pairs of languages of a checkpoint; `null` for those that translate nothing."""
        return Form(_Pairs | None)


def _sorted_targets(pairs: LanguagePairs) -> dict[str, dict[str, list[str]]]:
    return {"targets": {source: sorted(known) for source, known in pairs.targets.items()}}


def _unchangeable(pairs: LanguagePairs) -> LanguagePairs:
    return LanguagePairs(MappingProxyType(dict(pairs.targets)))


_Pairs: TypeAlias = Annotated[LanguagePairs, PlainSerializer(_sorted_targets), AfterValidator(_unchangeable)]


def result_class(request: type[Request[ResultT]]) -> type[ResultT]:
    """Return what requests of a class are answered with: the type parameter of `Request`."""
    for kind in request.__mro__:
        for base in vars(kind).get("__orig_bases__", ()):
            match typing.get_args(base):
                case [type() as result]:
                    return result
    raise TypeError(f"{request.__name__} does not say what it is answered with")
