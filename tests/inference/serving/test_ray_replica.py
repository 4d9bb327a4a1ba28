"""A replica's worker and its streams, in this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import DeadlinePassed, HungAgain, ModelUnavailable, TooManyRequests
from bot.inference.answering import AnsweringState, Loading, Stage
from bot.inference.serving import replica as module
from bot.inference.serving.messages import Answered, Asked, Event, Failed, Heard
from bot.inference.serving.replica import Replica
from bot.inference.worker import Limits
from bot.request_ids import request_id
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.timers import PATIENCE

TEXT = GenerateRequest("Once upon a time", max_new_tokens=400, seed=1)


@pytest.fixture
def open_replica(make_worker: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "_others_answer", lambda: False)  # asks Serve

    @asynccontextmanager
    async def opened(**limits: Any) -> AsyncIterator[Replica]:
        made = Replica.__new__(Replica)
        await made.__init__(lambda: make_worker(limits=Limits(**limits)))  # type: ignore[misc]  # as Serve does
        try:
            yield made
        finally:
            closing = made.__del__()
            assert closing is not None
            await closing
            assert made.__del__() is None

    return opened


def asked(request: Any, person: int = 1) -> Asked:
    return Asked(f"id {person}", request, person, "request 7")


async def events(replica: Replica, request: Any, person: int = 1) -> list[Event]:
    async with asyncio.timeout(PATIENCE):
        return [event async for event in replica.answer(asked(request, person))]


def error_of(found: Sequence[Event]) -> BaseException:
    last = found[-1]
    assert isinstance(last, Failed)
    return last.error()


async def test_the_last_event_is_the_answer(open_replica: Any) -> None:
    async with open_replica() as replica:
        *heard, answered = await events(replica, SentimentRequest("Great"))
    assert isinstance(answered, Answered)
    assert answered.answer.checkpoint == "tiny-distilbert"
    assert all(isinstance(one, Heard) for one in heard)


async def test_a_background_request_does_not_count_among_a_persons(open_replica: Any) -> None:
    async with open_replica(per_person=0) as replica:
        assert isinstance(error_of(await events(replica, SentimentRequest("Great"))), TooManyRequests)
        async with asyncio.timeout(PATIENCE):
            found = [
                event async for event in replica.answer(replace(asked(SentimentRequest("Great")), background=True))
            ]
    assert isinstance(found[-1], Answered)


async def test_a_text_is_heard_of_and_can_be_stopped(open_replica: Any) -> None:
    async with open_replica() as replica:
        assert not await replica.stop("id 1")
        shown = []
        async with asyncio.timeout(PATIENCE):
            async for event in replica.answer(asked(TEXT)):
                if isinstance(event, Heard) and event.partial is not None:
                    shown.append(event)
                    assert await replica.stop("id 1")
        assert isinstance(event, Answered)
        assert event.answer.result.continuations[0].tokens < 400
        assert shown
        assert not await replica.stop("id 1")


async def test_a_stream_that_is_closed_gives_the_request_up(open_replica: Any) -> None:
    async with open_replica() as replica:
        stream = replica.answer(asked(TEXT))
        async with asyncio.timeout(PATIENCE):
            await anext(stream)
            await stream.aclose()
            while (await replica.report()).status.requests:  # noqa: ASYNC110 - it ends on a thread
                await asyncio.sleep(0.001)


async def test_errors_are_events(open_replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_replica(seconds=PATIENCE, per_person=1) as replica:
        writing = replica.answer(asked(TEXT, person=9))
        await anext(writing)
        assert isinstance(error_of(await events(replica, SentimentRequest("Too many"), person=9)), TooManyRequests)
        await writing.aclose()
    async with open_replica(seconds=1e-9) as replica:
        assert isinstance(error_of(await events(replica, FillRequest("The ___ is late."))), DeadlinePassed)


async def test_a_bug_is_logged_and_its_text_stays_here(
    open_replica: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any) -> Any:
        raise RuntimeError("somebody's message")

    with caplog.at_level(logging.WARNING):
        async with open_replica() as replica:
            monkeypatch.setattr(replica._worker._answerer, "answer", lambda computation: _failing(fail))
            error = error_of(await events(replica, SentimentRequest("Great")))
    assert "somebody" not in str(error)
    assert "somebody" not in caplog.text
    assert "RuntimeError" in caplog.text


async def _failing(fail: Any) -> None:
    fail()


async def test_the_log_knows_whose_request_it_is(open_replica: Any) -> None:
    async with open_replica() as replica:
        await events(replica, SentimentRequest("Great"))
        assert request_id.get() == "request 7"


async def test_the_report_and_the_description(open_replica: Any) -> None:
    async with open_replica() as replica:
        report = await replica.report()
        assert report.status.accepting
        assert "sentiment" in report.status.models
        assert "sentiment" not in report.languages
        assert (await replica.describe("sentiment")).status.name == "tiny-distilbert"
        failed = await replica.describe("nothing")
        assert isinstance(failed, Failed)
        assert isinstance(failed.error(), ModelUnavailable)


async def test_a_replica_whose_threads_hang_is_not_healthy(open_replica: Any) -> None:
    async with open_replica() as replica:
        await replica.check_health()
        replica._worker._hangs.too_many.set()
        await asyncio.gather(replica._breaking, return_exceptions=True)
        with pytest.raises(HungAgain):
            await replica.check_health()


async def test_a_further_replica_joins_when_it_is_loaded(open_replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_others_answer", lambda: True)
    async with open_replica() as replica:
        phases = {one.phase for one in (await replica.report()).status.checkpoints}
        assert phases == {"ready"}


class Queued:
    """An answer whose place in the queue changes all the time, and whose stage changes once."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.queue_position: int | None = 100

    @property
    def state(self) -> AnsweringState:
        loading = self.looks > 5
        return AnsweringState(Stage.LOADING, Loading("x")) if loading else AnsweringState(Stage.QUEUED)

    async def wait(self, seconds: float) -> bool:
        self.looks -= 1
        self.queue_position = self.looks
        return self.looks <= 0

    async def partial(self) -> None:
        raise RuntimeError("a partial result is dispensable")


async def test_stages_are_told_and_places_in_the_queue_only_now_and_then() -> None:
    answering: Any = Queued(10)
    heard = [one async for one in module._looks(answering)]
    assert [one.state.stage for one in heard] == [Stage.LOADING, Stage.QUEUED]
