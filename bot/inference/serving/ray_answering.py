"""The handle of a request that a replica of the cluster answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar, cast

from bot.errors import GlassboxError, ModelUnavailable, Refused
from bot.inference.answering import Answering, AnsweringState, Stage
from bot.inference.requests import Answer
from bot.inference.serving.messages import Asked, Heard

ResultT = TypeVar("ResultT")


class RayAnswering(Answering[ResultT]):
    """A request on its way through the cluster, and what was heard of it last.

    Attributes:
        asked: what the replica is asked.
        heard: how far it is; None until a replica has begun it.
        stopping: whether somebody wants the text so far.

    Args:
        answer: answers this, and keeps `heard` up to date.
        send_stop: tells the replica to stop.
        unheard: the state of a request that no replica has begun.
    """

    def __init__(
        self,
        asked: Asked,
        answer: Callable[[RayAnswering[ResultT]], Coroutine[Any, Any, Answer[ResultT]]],
        send_stop: Callable[[str], object],
        unheard: Callable[[], AnsweringState],
    ) -> None:
        self.asked = asked
        self.heard: Heard | None = None
        self.stopping = False
        self._send_stop = send_stop
        self._unheard = unheard
        self._admitted = asyncio.Event()
        self._reason: Callable[[], GlassboxError] | None = None
        self.task = asyncio.create_task(self._explained(answer))
        self.task.add_done_callback(self._end)

    def __await__(self) -> Generator[Any, None, Answer[ResultT]]:
        return self.task.__await__()

    async def accepted(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._admitted.wait()
        except TimeoutError:
            return
        if self.task.done() and not self.task.cancelled():
            error = self.task.exception()
            if isinstance(error, Refused | ModelUnavailable):
                raise error

    def done(self) -> bool:
        return self.task.done()

    @property
    def state(self) -> AnsweringState:
        if self.done():
            return AnsweringState(Stage.DONE)
        return self._unheard() if self.heard is None else self.heard.state

    @property
    def queue_position(self) -> int | None:
        return None if self.done() or self.heard is None else self.heard.queue_position

    async def wait(self, seconds: float) -> bool:
        await asyncio.wait((self.task,), timeout=seconds)
        return self.done()

    async def partial(self) -> ResultT | None:
        return None if self.heard is None else cast("ResultT | None", self.heard.partial)

    def stop(self) -> None:
        # Kept, because the replica that writes the text may die, and another begins it anew.
        self.stopping = True
        if not self.done():
            self._send_stop(self.asked.id)

    def cancel(self) -> None:
        self.task.cancel()

    def give_up(self, reason: Callable[[], GlassboxError]) -> None:
        """Cancel the request; awaiting it raises the error that `reason` makes, instead of `CancelledError`."""
        self._reason = reason
        self.task.cancel()

    def admit(self) -> None:
        """Record that the cluster has not refused the request."""
        self._admitted.set()

    def hear(self, heard: Heard) -> None:
        """Record how far the request is."""
        self.heard = heard
        self.admit()
        if self.stopping:
            self.stop()

    async def _explained(
        self, answer: Callable[[RayAnswering[ResultT]], Coroutine[Any, Any, Answer[ResultT]]]
    ) -> Answer[ResultT]:
        try:
            return await answer(self)
        except asyncio.CancelledError:
            if self._reason is not None:
                raise self._reason() from None
            raise

    def _end(self, task: asyncio.Task[Answer[ResultT]]) -> None:
        self.admit()
        if not task.cancelled():
            task.exception()  # asyncio logs exceptions that nobody has retrieved
