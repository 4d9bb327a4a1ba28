"""People who ask a worker at once, and what becomes of each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.errors import GlassboxError
from bot.inference.answering import Answering
from bot.inference.checkpoints import pool
from bot.inference.observer import Unobserved
from bot.inference.operations import Budget
from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker
from tests.faults.tally import Tally
from tests.inference.toys import ToyHead
from tests.timers import PATIENCE

Judge = Callable[[Request[Any], Any], bool]
"""Whether a result, or an error with a sentence, may be what somebody gets who asked this."""


def anything(request: Request[Any], outcome: object) -> bool:
    """Any result and any sentence are right."""
    return True


@dataclass
class Ends(Unobserved):
    """An observer that counts how often requests were answered."""

    number: int = 0

    def answered(self, task: str, seconds: float, error: BaseException | None) -> None:
        self.number += 1


@dataclass
class Crowd:
    """Those who ask one worker, each a person of their own.

    Attributes:
        ends: hears how often the worker answers.
    """

    worker: InferenceWorker
    ends: Ends
    asked: list[tuple[Request[Any], Answering[Any]]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def ask(self, requests: Sequence[Request[Any]]) -> None:
        """Let people ask; none of them is waited for."""
        for request in requests:
            person = self.tally.asked
            self.tally.asked += 1
            try:
                self.asked.append((request, self.worker.submit(request, person=person)))
            except GlassboxError as error:  # refused at once, which the worker counts as an answer
                self._count(request, error, anything)

    async def wait(self, right: Judge = anything) -> None:
        """Wait for all answers, and count them. What is not right counts as lost."""
        asked, self.asked = self.asked, []
        for request, answering in asked:
            outcome = await outcome_of(answering)
            self._count(request, outcome, right)

    async def good(self, request: Request[Any], right: Judge = anything) -> None:
        """Let one more person ask, who must get an answer, because nothing is wrong any more."""
        self.ask([request])
        await self.wait(lambda request, outcome: not isinstance(outcome, Exception) and right(request, outcome))

    def end(self, tried: int = 1) -> Tally:
        """Return the counts, after everybody was waited for.

        Args:
            tried: how often the fault was made meanwhile.
        """
        self.tally.tried += tried
        self.tally.twice += max(0, self.ends.number - self.tally.asked)
        return self.tally

    def _count(self, request: Request[Any], outcome: object, right: Judge) -> None:
        is_told = isinstance(outcome, GlassboxError) and bool(outcome.sentence)
        if (isinstance(outcome, BaseException) and not is_told) or not right(request, outcome):
            self.tally.lost += 1
        elif is_told:
            self.tally.told += 1
        else:
            self.tally.once += 1


async def outcome_of(answering: Awaitable[Any]) -> Any:
    """Return an answer's result, or the error in its place."""
    try:
        async with asyncio.timeout(PATIENCE):
            return (await answering).result
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
            raise
        return error


@contextmanager
def toys(load: Callable[[], ToyHead], fetch: Callable[..., Path] | None = None) -> Iterator[None]:
    """Let pools load toys while the body runs.

    Args:
        load: makes a head, on the loading thread.
        fetch: in the place of the one that fetches files.
    """
    fetched = fetch or (lambda spec, cache, progress: cache)
    with patch.multiple(pool, fetch=fetched, load_head=lambda *arguments: load()):
        yield


def toy() -> ToyHead:
    """Make a head without a fault."""
    return ToyHead(Budget(640, rows=64))


def doubled(request: Any, outcome: object) -> bool:
    """Whether a toy has doubled the number, unless it was told something else."""
    return isinstance(outcome, GlassboxError) or outcome == 2 * request.value * request.rows * request.steps
