"""Requests that this process answers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.errors import GlassboxError
from bot.inference.answering import Answering, AnsweringState, Loading, Stage
from bot.inference.checkpoints.residency import PooledCheckpoint
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.operations import OperationCall, Row
from bot.inference.requests import Answer, Request
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.status import Phase
from bot.inference.task import Task
from bot.inference.timers import wait_at_most

ResultT = TypeVar("ResultT")


@dataclass(eq=False)
class Computation(Generic[ResultT]):
    """A request while the worker computes its answer.

    Attributes:
        checkpoint: answers it.
        background: see `Backend.submit`.
        call: the newest call of its task; None before the first and after the last.
        preview: makes a partial result from the token ids of each row; None if the task cannot.
        reason: makes the error that explains a cancellation by the worker.
    """

    # Not the `asyncio.Task` that runs it: the traceback of a failed task would refer through here back to the task.
    request: Request[ResultT]
    person: int
    task: Task[ResultT]
    checkpoint: PooledCheckpoint
    background: bool = False
    call: OperationCall | None = None
    preview: Callable[[list[list[int]]], Awaitable[ResultT]] | None = None
    reason: Callable[[], GlassboxError] | None = None

    @property
    def rows(self) -> Sequence[Row[Any]]:
        """The rows of the current call."""
        return () if self.call is None else self.call.rows

    @property
    def can_be_shown(self) -> bool:
        """Whether there is a partial result to show."""
        return self.preview is not None and any(row.progress for row in self.rows)

    def stop(self) -> None:
        """End the generation within one decode step."""
        if not self.task.repeatable:  # otherwise equal requests may wait for these rows
            for row in self.rows:
                row.stop()

    def release(self) -> None:
        """Drop the references to the checkpoint."""
        self.call = self.preview = None


@dataclass(eq=False)
class LocalAnswering(Answering[ResultT]):
    """The handle of a request that this process answers.

    Attributes:
        leading: by request, the computations that equal requests have joined.
        model: the state of the checkpoint.
        context: of the worker, for timers.
    """

    computation: Computation[ResultT]
    task: asyncio.Task[Answer[ResultT]]
    leading: Mapping[Request[object], Computation[Any]]
    model: CheckpointState
    queue: DeviceQueue
    context: contextvars.Context

    def __await__(self) -> Generator[Any, None, Answer[ResultT]]:
        return self.task.__await__()

    async def accepted(self, seconds: float) -> None:
        """Return at once: the worker refuses at submit."""

    def done(self) -> bool:
        return self.task.done()

    @property
    def state(self) -> AnsweringState:
        if self.done():
            return AnsweringState(Stage.DONE)
        if (loading := loading_of(self.model)) is not None:
            return AnsweringState(Stage.LOADING, loading)
        call = self._call
        queued = call is not None and call.rows and all(row.device_index is None for row in call.rows)
        return AnsweringState(Stage.QUEUED if queued else Stage.RUNNING)

    @property
    def queue_position(self) -> int | None:
        call = self._call
        return None if call is None or self.state.stage is not Stage.QUEUED else self.queue.position(call)

    @property
    def _call(self) -> OperationCall | None:
        return self.leading.get(self.computation.request, self.computation).call

    async def wait(self, seconds: float) -> bool:
        return await wait_at_most(self.task, seconds, self.context)

    async def partial(self) -> ResultT | None:
        computation = self.computation
        if computation.preview is None or not computation.can_be_shown:
            return None
        return await computation.preview([list(row.progress) for row in computation.rows])

    def stop(self) -> None:
        self.computation.stop()

    def end(self) -> None:
        """End the text that is being generated, if there is one: what is written becomes the answer."""
        if self.computation.can_be_shown:
            self.computation.stop()

    def cancel(self) -> None:
        self.task.cancel()

    def give_up(self, reason: Callable[[], GlassboxError]) -> None:
        """Cancel the request; awaiting it raises the error that `reason` makes, instead of `CancelledError`."""
        self.computation.reason = reason
        self.task.cancel()


def loading_of(model: CheckpointState) -> Loading | None:
    """Return a checkpoint's progress; None if it is loaded."""
    if model.phase is Phase.READY:
        return None
    return Loading(model.spec.name, model.phase is Phase.FETCHING, model.fraction, model.seconds_left)
