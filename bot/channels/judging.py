"""Answers to many requests of one person, a few at a time, behind everybody who waits."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from bot.errors import (
    GlassboxError,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    ShuttingDown,
    TooManyRequests,
    describe,
)
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.inference.timers import wait_at_most

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

IN_FLIGHT = 64
"""Requests at once: enough for full batches, and few enough that a stop costs little."""
AGAIN_SECONDS = 1.0
"""Before a request is tried again that was refused because too many waited."""
MOST_FAILURES = 20
"""In a row, after which the rest would fail as well."""
SEED = 1_618


class Judging(Generic[ResultT]):
    """Judges texts in random order, so that what is done at a stop is a fair sample of the whole.

    Args:
        requests: None for a text that cannot be judged.
        take: is given the index of each request and its answer. What it raises ends everything.
        timers: the context of pauses (see `bot.inference.timers`).

    Attributes:
        answered: how many have been judged.
        failed: how many could not be.
        sample: one of the answers, for its checkpoint and device.
    """

    def __init__(
        self,
        backend: Backend,
        person: int,
        requests: Sequence[Request[ResultT] | None],
        take: Callable[[int, Answer[ResultT]], None],
        timers: contextvars.Context,
    ) -> None:
        self._backend = backend
        self._person = person
        self._requests = requests
        self._take = take
        self._timers = timers
        self._order = [index for index, request in enumerate(requests) if request is not None]
        random.Random(SEED).shuffle(self._order)
        self._failures_in_a_row = 0
        self._answering: set[Answering[ResultT]] = set()
        self._stopped = False
        self.answered = 0
        self.failed = len(requests) - len(self._order)
        self.sample: Answer[ResultT] | None = None

    @property
    def first(self) -> Answering[ResultT] | None:
        """One of the answers that are being computed."""
        return next(iter(self._answering), None)

    @property
    def is_stopped(self) -> bool:
        """Whether somebody has stopped it."""
        return self._stopped

    def stop(self) -> None:
        """Begin nothing more, and give up what has not been answered."""
        self._stopped = True
        for answering in list(self._answering):
            answering.cancel()

    async def run(self) -> None:
        """Judge until everything is judged, or `stop` is called.

        Raises:
            GlassboxError: there is no checkpoint for it, the process stops, or too many in a row have failed.
        """
        following = iter(self._order)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(IN_FLIGHT, len(self._order))):
                    group.create_task(self._judge_one_after_another(following))
        except* GlassboxError as errors:
            raise _first(errors) from None

    async def _judge_one_after_another(self, following: Iterator[int]) -> None:
        for index in following:
            if self._stopped:
                return
            await self._judge(index)

    async def _judge(self, index: int) -> None:
        request = self._requests[index]
        assert request is not None
        try:
            answer = await self._answer(request)
        except (ModelUnavailable, ShuttingDown):
            raise
        except GlassboxError as error:
            self._fail(error)
            return
        if answer is not None:
            self.sample = self.sample or answer
            self._take(index, answer)
            self._failures_in_a_row = 0
            self.answered += 1

    async def _answer(self, request: Request[ResultT]) -> Answer[ResultT] | None:
        """Return an answer, however often it takes to be accepted; None after a stop."""
        while not self._stopped:
            try:
                answering = self._backend.submit(request, person=self._person, background=True)
                self._answering.add(answering)
                try:
                    return await answering
                finally:
                    self._answering.discard(answering)
                    answering.cancel()
            except (QueueFull, TooManyRequests):
                await wait_at_most(asyncio.get_running_loop().create_future(), AGAIN_SECONDS, self._timers)
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
        return None

    def _fail(self, error: GlassboxError) -> None:
        self.failed += 1
        self._failures_in_a_row += 1
        log.info("a message could not be judged: %s", describe(error))
        if self._failures_in_a_row >= MOST_FAILURES:
            raise error


def _first(errors: BaseExceptionGroup[GlassboxError]) -> GlassboxError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, GlassboxError)
    return error


def requests_of(make: Callable[[str], Request[ResultT]], texts: Sequence[str]) -> list[Request[ResultT] | None]:
    """Make a request for each text; None for a text that has none, such as one without words."""

    def request(text: str) -> Request[ResultT] | None:
        try:
            return make(text)
        except InvalidRequest:
            return None

    return [request(text) for text in texts]
