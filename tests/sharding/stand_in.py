"""A stand-in for the models: it answers after as long as a GPU would take, and computes nothing.

For measurements of bot processes, whose own work does not depend on what a model says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from bot.errors import ModelUnavailable, ShuttingDown
from bot.inference.answering import AnsweringState, Stage
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.requests import Answer, LabelScore, Request
from bot.inference.status import WorkerStatus
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult


class StandInAnswering:
    """An answer that is ready after some seconds.

    Args:
        seconds: for an answer, and for each token of a text.
    """

    def __init__(self, request: Request[Any], seconds: float) -> None:
        self._request = request
        self._seconds = seconds
        self._step = 0
        self._stopped = False
        self._task = asyncio.create_task(self._work())

    def __await__(self) -> Generator[Any, None, Answer[Any]]:
        return self._task.__await__()

    async def accepted(self, seconds: float) -> None:
        """Return at once: nothing is refused later."""

    def done(self) -> bool:
        return self._task.done()

    @property
    def state(self) -> AnsweringState:
        return AnsweringState(Stage.DONE if self.done() else Stage.RUNNING)

    @property
    def queue_position(self) -> int | None:
        return None

    async def wait(self, seconds: float) -> bool:
        await asyncio.wait((self._task,), timeout=seconds)
        return self.done()

    async def partial(self) -> Any:
        return self._result() if isinstance(self._request, GenerateRequest) and self._step else None

    def stop(self) -> None:
        self._stopped = True

    def cancel(self) -> None:
        self._task.cancel()

    async def _work(self) -> Answer[Any]:
        steps = self._request.max_new_tokens if isinstance(self._request, GenerateRequest) else 1
        while self._step < steps and not self._stopped:
            await asyncio.sleep(self._seconds)
            self._step += 1
        return Answer(self._result(), "stand-in", "sleep", "none", self._seconds * self._step)

    def _result(self) -> Any:
        if isinstance(self._request, GenerateRequest):
            text = " …" * self._step + f" [{self._request.prompt}]"
            one = Continuation(text, self._step, finished=True)
            return GenerateResult(self._request.prompt, (one,), self._request.seed, truncated=False)
        return SentimentResult((LabelScore("POSITIVE", 0.75), LabelScore("NEGATIVE", 0.25)), truncated=False)


class StandInBackend:
    """A backend that sleeps as a GPU would compute, any number of requests at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._accepting = True
        self._answerings: set[StandInAnswering] = set()

    def submit(self, request: Request[Any], *, person: int, background: bool = False) -> Any:
        if not self._accepting:
            raise ShuttingDown
        if not isinstance(request, SentimentRequest | GenerateRequest):
            raise ModelUnavailable("The stand-in only answers /sentiment and /generate.")
        answering = StandInAnswering(request, self._seconds)
        self._answerings.add(answering)
        answering._task.add_done_callback(lambda _: self._answerings.discard(answering))
        return answering

    async def run(self, request: Request[Any], *, person: int) -> Answer[Any]:
        answer: Answer[Any] = await self.submit(request, person=person)
        return answer

    def languages(self, task: str) -> None:
        return None

    def status(self) -> WorkerStatus:
        return WorkerStatus(len(self._answerings), 0, (), (), 0, self._accepting)

    async def describe(self, task: str) -> CheckpointDescription:
        raise ModelUnavailable("The stand-in has no checkpoints.")

    async def preload(self, connected: asyncio.Event | None = None) -> None:
        """Load nothing."""

    async def until_broken(self) -> None:
        """Wait for ever: it never hangs."""
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Accept nothing more, and answer what is running."""
        self._accepting = False
        if self._answerings:
            await asyncio.wait({one._task for one in self._answerings})


def open_stand_in(seconds: float) -> Callable[..., Any]:
    """Return what takes the place of `bot.app.open_backend`."""

    @contextlib.asynccontextmanager
    async def open_backend(*arguments: Any) -> AsyncIterator[StandInBackend]:
        yield StandInBackend(seconds)

    return open_backend
