"""Requests that are answered as one: the rows of a file, each of which costs little more than its share of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from bot.inference.answering import Answering
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.side_by_side import side_by_side
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
