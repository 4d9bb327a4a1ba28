"""Requests that are answered as one: the rows of a file, each of which costs little more than its share of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from bot.inference.answering import Answering
from bot.inference.operations import OperationCall, TaskRun
from bot.inference.requests import Request
from bot.inference.task import Implementation, Task

T = TypeVar("T")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True)
class Bundle(Request[tuple[ResultT_co, ...]], Generic[ResultT_co]):
    """Requests of one kind for one checkpoint, answered with their results in order.

    They pass through the event loop, the preparation threads and the queue together. One that fails fails all.
    """

    requests: tuple[Request[ResultT_co], ...] = ()

    @classmethod
    def of(cls, requests: Sequence[Request[ResultT]]) -> Bundle[ResultT]:
        """Bundle requests, at least one; raise `ValueError` if they are of several kinds or for several checkpoints."""
        if len({(type(one), one.checkpoint, one.checkpoint_task) for one in requests}) != 1:
            raise ValueError("a bundle holds requests of one kind, for one checkpoint")
        return Bundle(tuple(requests), checkpoint=requests[0].checkpoint)

    @property
    def checkpoint_task(self) -> str | None:
        return self.requests[0].checkpoint_task


@runtime_checkable
class Bundling(Protocol):
    """A backend that answers bundles: a worker in this process."""

    def submit_bundle(self, requests: Sequence[Request[ResultT]], *, person: int) -> Answering[tuple[ResultT, ...]]:
        """Take requests of one kind in the background (see `Backend.submit`), which count as one.

        Raises:
            ModelUnavailable: no checkpoint is set for them.
            InvalidRequest: the checkpoint that was chosen cannot be.
            Refused: they are not accepted now.
        """


def bundled(task: Task[ResultT]) -> Task[tuple[ResultT, ...]]:
    """Return the task that answers bundles of a task's requests."""
    implementations = {
        kind: Implementation(partial(_run, one.run), calibrate=one.calibrate)
        for kind, one in task.implementations.items()
    }
    return replace(task, request=Bundle, implementations=implementations)  # type: ignore[arg-type,return-value]


def _run(run: Any, head: Any, bundle: Bundle[T]) -> TaskRun[tuple[T, ...]]:
    results = yield from side_by_side([run(head, request) for request in bundle.requests])
    return results


def side_by_side(runs: Sequence[TaskRun[T]]) -> TaskRun[tuple[T, ...]]:
    """Run tasks together: the rows that they ask one operation for at the same time are one call.

    Returns:
        Their values, in order.
    """
    values: dict[int, T] = {}
    outputs: dict[int, list[Any] | None] = dict.fromkeys(range(len(runs)))
    while outputs:
        calls: dict[int, OperationCall] = {}
        for index, output in outputs.items():
            try:
                # `send(None)` begins a generator.
                calls[index] = runs[index].send(output)
            except StopIteration as end:
                values[index] = end.value
        outputs = {}
        for together in _grouped(calls):
            found = yield _joined([calls[index] for index in together])
            for index in together:
                number = len(calls[index].rows)
                outputs[index], found = found[:number], found[number:]
    return tuple(values[index] for index in range(len(runs)))


def _grouped(calls: dict[int, OperationCall]) -> list[list[int]]:
    """Divide calls into those that may be one."""
    groups: dict[object, list[int]] = {}
    for index, call in calls.items():
        groups.setdefault(call if call.alone else call.operation, []).append(index)
    return list(groups.values())


def _joined(calls: Sequence[OperationCall]) -> OperationCall:
    return OperationCall(calls[0].operation, [row for call in calls for row in call.rows], calls[0].alone)
