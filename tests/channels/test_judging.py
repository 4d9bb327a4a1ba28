"""Many requests at once: bounded, in random order, tried again, and ended when that is all there is to do."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from bot.channels import judging
from bot.channels.judging import IN_FLIGHT, MOST_FAILURES, Judging, requests_of
from bot.errors import ModelFailed, ModelUnavailable, ShuttingDown
from bot.inference.limits import Limits
from bot.inference.requests import Answer
from bot.inference.worker import InferenceWorker
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from tests.inference.toys import until
from tests.support import device_held

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]
TEXTS = [f"I love apples {index}" for index in range(150)]


def judge(worker: InferenceWorker, texts: list[str] = TEXTS) -> tuple[Judging[SentimentResult], list[int]]:
    taken: list[int] = []

    def take(index: int, answer: Answer[SentimentResult]) -> None:
        taken.append(index)

    return Judging(worker, 1, requests_of(SentimentRequest, texts), take, contextvars.copy_context()), taken


async def test_every_text_is_judged_once_and_few_are_under_way(make_worker: OpenWorker) -> None:
    async with make_worker() as worker:
        found, taken = judge(worker, [*TEXTS, "", "!!!"])
        async with device_held(worker):
            running = asyncio.create_task(found.run())
            await until(lambda: worker.status().requests == IN_FLIGHT)
            assert found.first is not None
        await running

        assert sorted(taken) == list(range(len(TEXTS)))
        assert taken != sorted(taken)  # what is done at a stop is a sample of the whole
        assert (found.answered, found.failed) == (len(TEXTS), 2)
        assert found.sample is not None


async def test_what_is_refused_for_now_is_tried_again(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "AGAIN_SECONDS", 0.01)
    async with make_worker(limits=replace(Limits(), background=3)) as worker:
        found, taken = judge(worker, TEXTS[:40])
        await found.run()
        assert sorted(taken) == list(range(40))
        assert found.failed == 0


async def test_a_stop_gives_up_what_waits(make_worker: OpenWorker) -> None:
    async with make_worker() as worker:
        await worker.load_checkpoint("sentiment")
        found, taken = judge(worker)
        async with device_held(worker):
            running = asyncio.create_task(found.run())
            await until(lambda: worker.status().requests == IN_FLIGHT)
            found.stop()
            await running
            assert worker.status().requests == 0
        assert found.is_stopped
        assert len(taken) == found.answered


@pytest.mark.parametrize("error", [ModelUnavailable("none is set"), ShuttingDown()])
async def test_some_errors_end_it(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async with make_worker() as worker:

        def refuse(*arguments: Any, **options: Any) -> Any:
            raise error

        monkeypatch.setattr(worker, "submit", refuse)
        found, _ = judge(worker)
        with pytest.raises(type(error)):
            await found.run()


async def test_others_are_counted_until_there_are_too_many(
    make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker:
        submit, fails = worker.submit, 5

        def sometimes(request: SentimentRequest, **options: Any) -> Any:
            nonlocal fails
            fails -= 1
            if fails >= 0:
                raise ModelFailed
            return submit(request, **options)

        monkeypatch.setattr(worker, "submit", sometimes)
        found, taken = judge(worker)
        await found.run()
        assert (found.failed, len(taken)) == (5, len(TEXTS) - 5)
        fails = 10_000
        found, taken = judge(worker)
        with pytest.raises(ModelFailed):
            await found.run()
        assert found.failed >= MOST_FAILURES
        assert not taken
