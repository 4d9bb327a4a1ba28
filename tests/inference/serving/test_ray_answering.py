"""The handle of a request in the cluster, without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import DeadlinePassed, GlassboxError, QueueFull, ShuttingDown
from bot.inference.answering import AnsweringState, Stage
from bot.inference.requests import Answer
from bot.inference.serving.messages import Asked, Heard
from bot.inference.serving.ray_answering import RayAnswering
from bot.tasks.sentiment import SentimentRequest
from tests.timers import PATIENCE

ASKED = Asked("id", SentimentRequest("Great"), 1, "")
QUEUED, RUNNING = AnsweringState(Stage.QUEUED), AnsweringState(Stage.RUNNING)
ANSWER = Answer("a result", "tiny", "cpu", "float32", 0.1)


class Course:
    """What the cluster does with a request.

    Attributes:
        outcome: the answer, or an error.
        stops: how often its replica was told to stop.
    """

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Answer[Any]] = asyncio.get_running_loop().create_future()
        self.stops = 0

    def answering(self) -> RayAnswering[Any]:
        async def answer(answering: RayAnswering[Any]) -> Answer[Any]:
            return await self.outcome

        return RayAnswering(ASKED, answer, self._stopped, lambda: QUEUED)

    def _stopped(self, asked_id: str) -> None:
        assert asked_id == "id"
        self.stops += 1


async def test_it_shows_what_was_heard_last() -> None:
    course = Course()
    answering = course.answering()
    assert (answering.state, answering.queue_position, await answering.partial()) == (QUEUED, None, None)
    answering.hear(Heard(RUNNING, 3, "so far"))
    assert (answering.state, answering.queue_position, await answering.partial()) == (RUNNING, 3, "so far")
    course.outcome.set_result(ANSWER)
    assert await answering == ANSWER
    assert answering.state.stage is Stage.DONE
    assert answering.queue_position is None
    assert await answering.wait(PATIENCE)


async def test_a_stop_is_repeated_for_the_replica_that_begins_the_text_anew() -> None:
    course = Course()
    answering = course.answering()
    answering.stop()
    answering.heard = None  # its replica is lost
    answering.hear(Heard(RUNNING, None, "anew"))
    assert course.stops == 2
    course.outcome.set_result(ANSWER)
    await answering
    answering.stop()
    assert course.stops == 2


@pytest.mark.parametrize(("error", "raised"), [(QueueFull(3.0), True), (DeadlinePassed(3.0), False)])
async def test_acceptance_raises_refusals_only(error: GlassboxError, raised: bool) -> None:
    course = Course()
    answering = course.answering()
    course.outcome.set_exception(error)
    if raised:
        with pytest.raises(QueueFull):
            await answering.accepted(PATIENCE)
    else:
        await answering.accepted(PATIENCE)
    with pytest.raises(type(error)):
        await answering


async def test_acceptance_waits_no_longer_than_asked_and_ends_when_something_is_heard() -> None:
    answering = Course().answering()
    await answering.accepted(0)
    answering.hear(Heard(RUNNING, None, None))
    await answering.accepted(PATIENCE)
    answering.cancel()
    await answering.accepted(PATIENCE)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lambda answering: answering.cancel(), asyncio.CancelledError),
        (lambda answering: answering.give_up(ShuttingDown), ShuttingDown),
    ],
)
async def test_who_gives_a_request_up_decides_what_is_raised(
    end: Callable[[RayAnswering[Any]], None], error: type[BaseException]
) -> None:
    answering = Course().answering()
    await asyncio.sleep(0)
    end(answering)
    with pytest.raises(error):
        await answering
