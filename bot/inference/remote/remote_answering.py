"""Requests that another machine answers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.errors import GlassboxError
from bot.inference.answering import Answering, AnsweringState, Stage
from bot.inference.requests import Answer
from bot.inference.timers import wait_at_most

ResultT = TypeVar("ResultT")

ON_ITS_WAY = AnsweringState(Stage.QUEUED)


@dataclass(eq=False)
class Progress(Generic[ResultT]):
    """What is known of an answer that has yet to come.

    Attributes:
        settled: done as soon as the request was accepted, and its first state is known; or with the error that it was
            refused with.
        position: see `Answering.queue_position`.
        partial: reads the newest partial result; None if there is none.
        is_stopped: whether its text has to end.
        pass_stop_on: tells the server that; None while none has accepted the request.
        reason: makes the error that explains a cancellation by the backend.
    """

    settled: asyncio.Future[None]
    state: AnsweringState = ON_ITS_WAY
    position: int | None = None
    partial: Callable[[], ResultT] | None = None
    is_stopped: bool = False
    pass_stop_on: Callable[[], None] | None = None
    reason: Callable[[], GlassboxError] | None = None

    def stop(self) -> None:
        """End the text as soon as a server has accepted the request."""
        self.is_stopped = True
        if self.pass_stop_on is not None:
            self.pass_stop_on()

    def settle(self, error: BaseException | None = None) -> None:
        """Note that the request was accepted, or with an error that it was not. Only the first call counts."""
        if self.settled.done():
            return
        if error is None:
            self.settled.set_result(None)
        else:
            self.settled.set_exception(error)
            self.settled.exception()  # asyncio logs exceptions that nobody has retrieved

    def begin_again(self) -> None:
        """Forget what was heard from a server that is gone."""
        self.state = ON_ITS_WAY
        self.position = self.partial = self.pass_stop_on = None


@dataclass(eq=False)
class RemoteAnswering(Answering[ResultT]):
    """The handle of a request that another machine answers.

    Attributes:
        task: gives the answer.
        context: of the backend, for timers.
    """

    progress: Progress[ResultT]
    task: asyncio.Task[Answer[ResultT]]
    context: contextvars.Context

    def __await__(self) -> Generator[Any, None, Answer[ResultT]]:
        return self.task.__await__()

    async def accepted(self, seconds: float) -> None:
        settled = self.progress.settled
        if await wait_at_most(settled, seconds, self.context):
            settled.result()

    def done(self) -> bool:
        return self.task.done()

    @property
    def state(self) -> AnsweringState:
        return AnsweringState(Stage.DONE) if self.done() else self.progress.state

    @property
    def queue_position(self) -> int | None:
        return None if self.done() else self.progress.position

    async def wait(self, seconds: float) -> bool:
        return await wait_at_most(self.task, seconds, self.context)

    async def partial(self) -> ResultT | None:
        if self.done() or self.progress.partial is None:
            return None
        return self.progress.partial()

    def stop(self) -> None:
        if not self.done():
            self.progress.stop()

    def end(self) -> None:
        """End the text that is being generated, if there is one: what is written becomes the answer."""
        if self.progress.partial is not None:
            self.progress.stop()

    def cancel(self) -> None:
        self.task.cancel()

    def give_up(self, reason: Callable[[], GlassboxError]) -> None:
        """Cancel the request; awaiting it raises the error that `reason` makes, instead of `CancelledError`."""
        self.progress.reason = reason
        self.task.cancel()
