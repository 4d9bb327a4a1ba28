"""Rows as questions to the backend, behind everybody who waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from bot.batches.outcomes import Outcome
from bot.batches.plan import Command, Options
from bot.batches.results import read_result
from bot.errors import (
    UNEXPECTED,
    ConnectionLost,
    DeadlinePassed,
    DeviceFailed,
    GlassboxError,
    InvalidRequest,
    ModelUnavailable,
    NotResponding,
    Refused,
    describe,
)
from bot.inference.backend import Backend
from bot.inference.bundles import Bundling
from bot.inference.requests import Answer, Request
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.text.accepted import MAX_CHARACTERS

T = TypeVar("T")

log = logging.getLogger(__name__)

BUNDLE = 32
"""Questions that are asked as one, which hardly costs the event loop more than one of them would."""
ENDING_TOGETHER = frozenset(Command) - {Command.TRANSLATE}
"""The commands whose rows are bundled. Texts end one by one, and in a bundle each would wait for the longest."""
REFUSED_SECONDS = 1.0
"""The least time until a request that was refused is made again."""
TRIES = 3
"""How often a row is asked that fails for a reason that passes."""
PASSING = (DeadlinePassed, NotResponding, DeviceFailed, ConnectionLost)
LONGEST_CELL = 10 * MAX_CHARACTERS
"""Characters. Only to find out what of a longer text is visible would hold the event loop up."""


@dataclass(frozen=True)
class Question:
    """Rows with the same texts, which are asked once.

    Attributes:
        indices: of the rows.
    """

    text: str
    second: str | None
    indices: tuple[int, ...]


class Asking:
    """Asks a backend about rows.

    Attributes:
        at_once: how many questions it asks as one.

    Args:
        person: whose file it is.
    """

    def __init__(self, backend: Backend, person: int, options: Options) -> None:
        self._backend = backend
        self._person = person
        self._options = options
        self._bundling = backend if isinstance(backend, Bundling) and options.command in ENDING_TOGETHER else None
        self.at_once = 1 if self._bundling is None else BUNDLE

    async def outcomes(self, questions: Sequence[Question]) -> list[Outcome]:
        """Return what became of some questions, in order; raise `ModelUnavailable` if none can be answered."""
        if self._bundling is None or len(questions) == 1:
            return [await self._single(question) for question in questions]
        try:
            return await self._bundled(self._bundling, questions)
        except ModelUnavailable:
            raise
        except Exception:
            # One of them has spoilt it: as in a batch that fails, it ends up alone. There, its error counts.
            middle = len(questions) // 2
            return await self.outcomes(questions[:middle]) + await self.outcomes(questions[middle:])

    async def _single(self, question: Question) -> Outcome:
        last = ""
        for _ in range(TRIES):
            try:
                request = self._request(question)
                answer: Answer[Any] = await _accepted(
                    partial(self._backend.submit, request, person=self._person, background=True)
                )
                return self._read(request, answer.result)
            except ModelUnavailable:
                raise
            except PASSING as error:
                last = error.sentence
                await asyncio.sleep(REFUSED_SECONDS)
            except GlassboxError as error:
                return Outcome(error=error.sentence)
            except Exception as error:
                log.error("a row could not be answered: %s", describe(error))
                return Outcome(error=str(UNEXPECTED))
        return Outcome(error=last)

    async def _bundled(self, backend: Bundling, questions: Sequence[Question]) -> list[Outcome]:
        made = list(map(self._request_or_fault, questions))
        requests = [one for one in made if isinstance(one, Request)]
        if not requests:
            return [one for one in made if isinstance(one, Outcome)]
        answer = await _accepted(partial(backend.submit_bundle, requests, person=self._person))
        results = iter(answer.result)
        return [one if isinstance(one, Outcome) else self._read(one, next(results)) for one in made]

    def _request_or_fault(self, question: Question) -> Request[object] | Outcome:
        try:
            return self._request(question)
        except GlassboxError as error:
            return Outcome(error=error.sentence)

    def _request(self, question: Question) -> Request[object]:
        if (length := len(question.text)) > LONGEST_CELL:
            raise InvalidRequest(
                later(
                    "The text has {length} characters, and I can read {max_characters} at most.",
                    length=later_whole(length),
                    max_characters=later_whole(MAX_CHARACTERS),
                )
            )
        return self._options.request(question.text, question.second)

    def _read(self, request: Request[object], result: object) -> Outcome:
        read = read_result(self._options, request, result)
        return Outcome(read.values, counted=read.counted, truncated=read.truncated)


async def _accepted(submit: Callable[[], Awaitable[T]]) -> T:
    """Ask until the backend accepts it: nobody waits who would have to be told."""
    while True:
        try:
            return await submit()
        except Refused as error:
            await asyncio.sleep(max(REFUSED_SECONDS, getattr(error, "wait", 0.0)))
