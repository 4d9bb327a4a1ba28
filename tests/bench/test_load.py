"""The closed loop, and the event loop's lag."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bot.errors import ModelFailed
from bot.inference.requests import Request
from bot.tasks.sentiment import SentimentRequest
from tests.bench.load import closed_loop, event_loop_lag
from tests.inference.toys import until

REQUESTS = [SentimentRequest(f"Message {number}") for number in range(20)]


@pytest.mark.parametrize("users", [1, 3, 64])
async def test_every_request_is_asked_once_and_each_user_has_one_at_a_time(users: int) -> None:
    asked: list[Any] = []
    busy: dict[int, int] = {}
    most_at_once = 0

    async def ask(request: Request[object], person: int) -> None:
        nonlocal most_at_once
        busy[person] = busy.get(person, 0) + 1
        assert busy[person] == 1
        most_at_once = max(most_at_once, sum(busy.values()))
        asked.append(request)
        await asyncio.sleep(0.002)
        busy[person] -= 1

    run = await closed_loop(ask, REQUESTS, users)

    assert sorted(asked, key=REQUESTS.index) == REQUESTS
    assert most_at_once == min(users, len(REQUESTS))
    assert run.requests == len(run.latencies) == len(REQUESTS)
    assert all(0.002 <= seconds <= run.seconds for seconds in run.latencies)
    assert run.rate == pytest.approx(len(REQUESTS) / run.seconds)


async def test_failures_are_counted_and_do_not_end_the_loop() -> None:
    async def ask(request: Request[object], person: int) -> None:
        if request in REQUESTS[:5]:
            raise ModelFailed

    run = await closed_loop(ask, REQUESTS, 2)

    assert (run.requests, run.failures, len(run.latencies)) == (20, 5, 15)
    assert run.rate == pytest.approx(15 / run.seconds)


async def test_an_idle_loop_is_on_time_and_a_blocked_one_late() -> None:
    async with event_loop_lag() as lags:
        await until(lambda: any(lag < 0.02 for lag in lags))
        before = len(lags)
        time.sleep(0.1)  # noqa: ASYNC251
        await until(lambda: len(lags) > before)

    assert max(lags[before:]) > 0.08
