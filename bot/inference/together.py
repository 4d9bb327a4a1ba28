"""Several requests that are answered together: all answers that there are count, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import UNEXPECTED, GlassboxError, Refused, TooManyRequests, Unanswered, describe
from bot.inference.answering import Answering, AnsweringState, Loading, Stage
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request, Result
from bot.inference.status import in_words
from bot.inference.timers import wait_at_most
from bot.locales.message import Message, later

log = logging.getLogger(__name__)

STOPPED = later("Stopped before it had begun.")


@dataclass(frozen=True)
class Outcome:
    """What became of one of the requests so far.

    Attributes:
        answer: if it is complete.
        partial: the newest partial result, if there is one.
        message: why there is no answer, or None.
        loading: the progress of its checkpoint, if it waits for that.
    """

    answer: Answer[Any] | None = None
    partial: Any = None
    message: str | Message | None = None
    loading: Loading | None = None

    @property
    def sentence(self) -> str | None:
        """The message in the current locale."""
        return None if self.message is None else str(self.message)

    @property
    def result(self) -> Any:
        """The result as far as it is known, or None."""
        return self.partial if self.answer is None else self.answer.result


@dataclass(frozen=True)
class Outcomes(Result):
    """What became of all of them, in order."""

    outcomes: tuple[Outcome, ...]


class Together(Answering[Outcomes]):
    """The handle of requests that are answered together. Awaiting it fails only if none of them has an answer.

    Args:
        parts: the handles of the requests, or the errors of those that have none.
        context: for timers.
    """

    def __init__(self, parts: Sequence[Answering[Any] | GlassboxError], context: contextvars.Context) -> None:
        self._parts = tuple(parts)
        self._context = context
        self._given_up: set[int] = set()
        self._task = asyncio.create_task(self._answered())
        self._task.add_done_callback(_retrieve)

    @classmethod
    def submit(
        cls, backend: Backend, requests: Sequence[Request[Any]], *, person: int, context: contextvars.Context
    ) -> Together:
        """Submit requests, each of which counts.

        Raises:
            Refused: one of them is not accepted now, so none is.
            GlassboxError: none of them can be answered.
        """
        parts: list[Answering[Any] | GlassboxError] = []
        for request in requests:
            try:
                parts.append(backend.submit(request, person=person))
            except Refused as refusal:
                _cancel(parts)
                raise _explained(refusal, len(requests), has_begun=bool(parts)) from None
            except GlassboxError as error:
                parts.append(error)
        errors = [one for one in parts if isinstance(one, GlassboxError)]
        if len(errors) == len(parts):
            raise errors[0]
        return cls(parts, context)

    def __await__(self) -> Generator[Any, None, Answer[Outcomes]]:
        return self._task.__await__()

    async def accepted(self, seconds: float) -> None:
        waits = (part.accepted(seconds) for part in self._answering)
        for error in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(error, Refused):
                self.cancel()
                raise _explained(error, len(self._parts), has_begun=True)

    def done(self) -> bool:
        return self._task.done()

    @property
    def state(self) -> AnsweringState:
        if self.done():
            return AnsweringState(Stage.DONE)
        states = [part.state for part in self._answering]
        # As soon as there is something to show, loading is a part of what is shown.
        if all(state.loading is not None for state in states):
            return states[0]
        return AnsweringState(Stage.RUNNING)

    @property
    def queue_position(self) -> int | None:
        return None

    async def wait(self, seconds: float) -> bool:
        return await wait_at_most(self._task, seconds, self._context)

    async def partial(self) -> Outcomes | None:
        outcomes = tuple([await self._so_far(index) for index in range(len(self._parts))])
        return Outcomes(outcomes) if any(one.result is not None for one in outcomes) else None

    def stop(self) -> None:
        for index, part in enumerate(self._parts):
            if isinstance(part, GlassboxError) or part.done():
                continue
            if part.state.stage in (Stage.LOADING, Stage.QUEUED):
                self._given_up.add(index)
                part.cancel()
            else:
                part.stop()

    def cancel(self) -> None:
        self._task.cancel()
        _cancel(self._parts)

    @property
    def _answering(self) -> list[Answering[Any]]:
        return [part for part in self._parts if not isinstance(part, GlassboxError)]

    async def _so_far(self, index: int) -> Outcome:
        part = self._parts[index]
        if isinstance(part, GlassboxError) or part.done():
            return (await self._outcome(index))[0]
        return Outcome(partial=await part.partial(), loading=part.state.loading)

    async def _answered(self) -> Answer[Outcomes]:
        found = await asyncio.gather(*map(self._outcome, range(len(self._parts))))
        answers = [outcome.answer for outcome, _ in found if outcome.answer is not None]
        if not answers:
            raise next(error for _, error in found if error is not None)
        return Answer(
            Outcomes(tuple(outcome for outcome, _ in found)),
            checkpoint=", ".join(one.checkpoint for one in answers),
            device=in_words(one.device for one in answers),
            precision=in_words(one.precision for one in answers),
            seconds=max(one.seconds for one in answers),
            waited=max(one.waited for one in answers),
            rows=max(one.rows for one in answers),
        )

    async def _outcome(self, index: int) -> tuple[Outcome, Exception | None]:
        """Wait for one of the answers."""
        part = self._parts[index]
        try:
            if isinstance(part, GlassboxError):
                raise part
            return Outcome(answer=await part), None
        except asyncio.CancelledError:
            if index not in self._given_up:
                raise
            return Outcome(message=STOPPED), Unanswered(STOPPED)
        except GlassboxError as error:
            return Outcome(message=error.message), error
        except Exception as error:
            log.error("one of several answers failed: %s", describe(error))
            return Outcome(message=UNEXPECTED), error


def _cancel(parts: Sequence[Answering[Any] | GlassboxError]) -> None:
    for part in parts:
        if not isinstance(part, GlassboxError):
            part.cancel()


def _explained(refusal: Refused, number: int, *, has_begun: bool) -> Refused:
    """Say that each of the requests counts, if it is they that are too many."""
    if not isinstance(refusal, TooManyRequests) or not has_begun:
        return refusal
    explained = TooManyRequests(refusal.limit)
    sentence = later(
        "These are {number} requests at once, and you may have {limit}. Please wait for your other answers, or take "
        "fewer checkpoints.",
        number=number,
        limit=refusal.limit,
    )
    GlassboxError.__init__(explained, sentence)
    return explained


def _retrieve(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # asyncio logs exceptions that nobody has retrieved
