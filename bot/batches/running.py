"""Rows on their way through the backend: many at once, behind everybody who waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from bot.batches.outcomes import Outcome
from bot.batches.plan import Plan
from bot.batches.progress import Meter, Progress
from bot.batches.results import read_result
from bot.batches.table import Table
from bot.errors import (
    UNEXPECTED,
    ConnectionLost,
    DeadlinePassed,
    DeviceFailed,
    GlassboxError,
    ModelUnavailable,
    NotResponding,
    Refused,
    describe,
)
from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.text.accepted import MAX_CHARACTERS

log = logging.getLogger(__name__)

IN_FLIGHT = 256
"""Requests at once: several batches, so that each device finds rows of similar length, and memory stays bounded."""
CHUNK = 1_024
"""Rows that are sorted by length. Chunks keep their order, so that a stop leaves the first rows answered."""
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


class BatchRun:
    """Answers the rows of a table, by `run`.

    Attributes:
        outcomes: by the index of the row; those that are given are not asked again.

    Args:
        person: whose file it is.
        clock: in seconds.
    """

    def __init__(
        self,
        backend: Backend,
        person: int,
        table: Table,
        plan: Plan,
        outcomes: dict[int, Outcome],
        clock: Callable[[], float],
    ) -> None:
        self.outcomes = outcomes
        self._backend = backend
        self._person = person
        self._options = plan.options
        self._texts = table.texts(plan.column)
        self._seconds = None if plan.second is None else table.texts(plan.second)
        self._rows = [index for index, row in enumerate(table.rows) if not row.is_blank]
        self._meter = Meter({index: self._cost(index) for index in self._rows}, clock)
        self._fresh: dict[int, Outcome] = {}
        for index in self._rows:
            if index not in outcomes and (fault := table.rows[index].fault):
                outcomes[index] = Outcome(error=fault)
            if index in outcomes:
                self._meter.note(index, fault=bool(outcomes[index].error))

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._meter.progress()

    @property
    def is_done(self) -> bool:
        """Whether each row has its outcome."""
        return self._meter.done == len(self._rows)

    def take_fresh(self) -> dict[int, Outcome]:
        """Return the outcomes since the last call, to keep them."""
        fresh, self._fresh = self._fresh, {}
        return fresh

    def put_back(self, fresh: dict[int, Outcome]) -> None:
        """Return outcomes that could not be kept to those that `take_fresh` returns."""
        self._fresh = fresh | self._fresh

    async def run(self) -> None:
        """Ask about each row that has no outcome yet. Cancelling this gives up what is on its way.

        Raises:
            ModelUnavailable: no row can be answered.
        """
        self._meter.begin()
        questions = self._questions()
        lanes = [asyncio.create_task(self._lane(questions)) for _ in range(IN_FLIGHT)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _lane(self, questions: Iterator[Question]) -> None:
        """Ask one question after the other."""
        for question in questions:
            outcome = await self._outcome(question)
            for index in question.indices:
                self.outcomes[index] = self._fresh[index] = outcome
                self._meter.note(index, fault=bool(outcome.error))

    def _questions(self) -> Iterator[Question]:
        left = [index for index in self._rows if index not in self.outcomes]
        for start in range(0, len(left), CHUNK):
            chunk = sorted(left[start : start + CHUNK], key=lambda index: (self._cost(index), *self._key(index)))
            for (text, second), same in groupby(chunk, key=self._key):
                yield Question(text, second if self._seconds is not None else None, tuple(same))

    async def _outcome(self, question: Question) -> Outcome:
        last = ""
        for _ in range(TRIES):
            try:
                return await self._answer(question)
            except ModelUnavailable:
                raise
            except PASSING as error:
                last = error.sentence
                await asyncio.sleep(REFUSED_SECONDS)
            except GlassboxError as error:
                return Outcome(error=error.sentence)
            except Exception as error:
                log.error("a row could not be answered: %s", describe(error))
                return Outcome(error=UNEXPECTED)
        return Outcome(error=last)

    async def _answer(self, question: Question) -> Outcome:
        if len(question.text) > LONGEST_CELL:
            return Outcome(
                error=f"The text has {len(question.text):,} characters, and I can read {MAX_CHARACTERS:,} at most."
            )
        request = self._options.request(question.text, question.second)
        read = read_result(self._options, request, await self._result(request))
        return Outcome(read.values, counted=read.counted, truncated=read.truncated)

    async def _result(self, request: Request[object]) -> object:
        """Ask until the backend accepts it: nobody waits who would have to be told."""
        while True:
            try:
                answer = await self._backend.submit(request, person=self._person, background=True)
            except Refused as error:
                await asyncio.sleep(max(REFUSED_SECONDS, getattr(error, "wait", 0.0)))
            else:
                return answer.result

    def _key(self, index: int) -> tuple[str, str]:
        return self._texts[index], "" if self._seconds is None else self._seconds[index]

    def _cost(self, index: int) -> int:
        # A short text takes its time as well.
        return 16 + sum(map(len, self._key(index)))
