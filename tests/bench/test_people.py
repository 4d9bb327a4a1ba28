"""People who write at a pace."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

import pytest

from bot.errors import ModelFailed
from bot.inference.requests import Request
from bot.tasks.sentiment import SentimentRequest
from tests.bench.people import Aim, PacedRun, paced
from tests.inference.toys import until
from tests.timers import FAR, PATIENCE, Timers

QUICK = Aim(pace=0.001, within=PATIENCE, seconds=0.05)
REQUESTS = [SentimentRequest(f"Message {number}") for number in range(1_000)]


async def test_everybody_asks_one_thing_at_a_time_and_every_answer_counts() -> None:
    busy: Counter[int] = Counter()
    asked: list[Request[object]] = []

    async def ask(request: Request[object], person: int) -> None:
        busy[person] += 1
        assert busy[person] == 1
        asked.append(request)
        await asyncio.sleep(0)
        busy[person] -= 1

    run = await paced(ask, REQUESTS, 3, QUICK)

    assert set(busy) == {0, 1, 2}
    assert asked == REQUESTS[: len(asked)]
    assert (run.people, len(run.latencies), run.unanswered) == (3, len(asked), 0)
    assert run.rate == pytest.approx(len(asked) / 0.05)


async def test_people_think_between_an_answer_and_their_next_question() -> None:
    asked = 0

    async def ask(request: Request[object], person: int) -> None:
        nonlocal asked
        asked += 1

    run = await paced(ask, REQUESTS, 5, Aim(pace=1e9, within=0.0, seconds=0.01))

    assert (asked, run.latencies, run.unanswered) == (0, (), 0)
    assert run.percentile(95) == 0


async def test_answers_that_do_not_come_in_time_are_given_up(timers: Timers) -> None:
    asked: list[Request[object]] = []
    given_up: list[Request[object]] = []

    async def ask(request: Request[object], person: int) -> None:
        asked.append(request)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(request)
            raise

    running = asyncio.create_task(paced(ask, REQUESTS, 4, Aim(pace=0.001, within=FAR, seconds=1.0)))
    await until(lambda: len(asked) == 4)
    await timers.skip(2 * FAR)
    run = await running

    assert len(given_up) == run.unanswered == 4
    assert math.isinf(run.percentile(50))


async def test_a_refusal_is_no_answer() -> None:
    refused = 0

    async def ask(request: Request[object], person: int) -> None:
        nonlocal refused
        if request in REQUESTS[:2]:
            refused += 1
            raise ModelFailed

    run = await paced(ask, REQUESTS, 3, QUICK)

    assert run.unanswered == refused == 2


async def test_an_error_of_the_measurement_is_not_swallowed() -> None:
    async def ask(request: Request[object], person: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await paced(ask, REQUESTS, 1, QUICK)


def test_percentiles_count_what_was_not_answered() -> None:
    run = PacedRun(10, 2.0, tuple(0.01 * number for number in range(95, 0, -1)), unanswered=5)

    assert run.percentile(50) == pytest.approx(0.50)
    assert run.percentile(95) == pytest.approx(0.95)
    assert math.isinf(run.percentile(96))
    assert run.rate == 47.5
    assert run.under_way == pytest.approx(sum(run.latencies) / 2)


def test_there_are_enough_requests_for_any_run() -> None:
    assert Aim(pace=60, seconds=30).requests(1_000) > 500 + 100
    assert Aim(pace=60, seconds=30).requests(1) >= 10
