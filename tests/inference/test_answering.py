"""The handle of an answer: what it waits for, and how it is waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import ModelFailed, ModelUnavailable
from bot.inference.answering import AnsweringState, Loading, Stage
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.local_answering import loading_of
from bot.inference.status import Phase
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.cogs.pacing import held_after
from tests.inference.toys import ToyHead, ToyRequest, ToyShop, queued, until
from tests.support import device_held, rows_arrived, under_way
from tests.timers import FAR, PATIENCE

SPEC = CheckpointSpec("tiny", FolderSource(Path()))


class TestLoading:
    @pytest.mark.parametrize(
        ("phase", "fraction", "loading"),
        [
            (Phase.WAITING, None, Loading("tiny")),
            (Phase.EVICTED, None, Loading("tiny")),
            (Phase.FAILED, None, Loading("tiny")),
            (Phase.FETCHING, None, Loading("tiny", fetching=True)),
            (Phase.FETCHING, 0.349, Loading("tiny", fetching=True, fraction=0.349)),
            (Phase.READY, None, None),
        ],
    )
    def test_each_phase(self, phase: Phase, fraction: float | None, loading: Loading | None) -> None:
        assert loading_of(CheckpointState(SPEC, phase, fraction)) == loading

    def test_how_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.inference.checkpoints.state.time", SimpleNamespace(perf_counter=lambda: 1.0))
        state = CheckpointState(SPEC, Phase.LOADING, expected_seconds=2.9, loading_since=1.0)
        assert loading_of(state) == Loading("tiny", seconds_left=2.9)

    async def test_a_request_without_a_checkpoint_is_refused_at_once(self, make_preset: Any, make_worker: Any) -> None:
        async with make_worker(make_preset(sentiment="distilbert")) as worker:
            with pytest.raises(ModelUnavailable, match="No checkpoint is set for /generate"):
                worker.submit(GenerateRequest("I love"), person=1)
            assert worker.status().requests == 0


class TestStages:
    async def test_from_loading_to_done(self, shop: ToyShop) -> None:
        gate = threading.Event()

        def load() -> ToyHead:
            gate.wait(PATIENCE)
            return shop.head

        shop.load = load
        async with shop.open() as worker:
            first = worker.submit(ToyRequest(1), person=1)
            await until(lambda: shop.loads == 1)
            assert first.state.stage is Stage.LOADING
            assert first.state.loading is not None
            assert first.state.loading.checkpoint == "Toy"
            assert first.queue_position is None

            shop.head.gate.clear()
            gate.set()
            await until(lambda: shop.head.inside == 1)
            assert first.state == AnsweringState(Stage.RUNNING)
            assert first.queue_position is None
            shop.head.gate.set()
            assert (await first).result == 2
            assert first.state == AnsweringState(Stage.DONE)
            assert first.queue_position is None

    async def test_the_position_in_the_queue(self, shop: ToyShop) -> None:
        async with shop.open() as worker, shop.hold(worker):
            first = worker.submit(ToyRequest(1, rows=3), person=1)
            await queued(worker, 3)
            second = worker.submit(ToyRequest(2), person=2)
            again = worker.submit(ToyRequest(3, rows=2), person=1)
            await queued(worker, 6)

            handles = [first, second, again]
            assert [one.state for one in handles] == [AnsweringState(Stage.QUEUED)] * 3
            # By fair queueing, the second person's row is due before the first person's second request.
            assert [one.queue_position for one in handles] == [0, 1, 4]
            first.cancel()
            await first.wait(PATIENCE)
            assert [one.queue_position for one in handles[1:]] == [0, 1]
            shop.head.gate.set()
            assert [(await one).result for one in handles[1:]] == [4, 12]
            assert [one.queue_position for one in handles] == [None] * 3

    async def test_a_request_that_has_joined_an_equal_one(self, make_preset: Any, make_worker: Any) -> None:
        async with make_worker(make_preset(sentiment="distilbert")) as worker:
            await worker.load(["sentiment"])
            async with device_held(worker):
                answers = [worker.submit(SentimentRequest("I love apples"), person=person) for person in range(2)]
                await rows_arrived(worker)
                assert [one.state.stage for one in answers] == [Stage.QUEUED] * 2
                assert [one.queue_position for one in answers] == [0, 0]
                answers[0].cancel()
                await answers[0].wait(PATIENCE)
                assert answers[1].state.stage is Stage.QUEUED
            assert (await answers[1]).result.scores
            assert not worker._answerer.leading


class TestWaiting:
    async def test_a_timeout_gives_nothing_up(self, shop: ToyShop) -> None:
        async with shop.open() as worker, shop.hold(worker):
            answering = worker.submit(ToyRequest(1), person=1)
            await queued(worker, 1)
            assert await answering.wait(0.01) is False
            shop.head.gate.set()
            assert await answering.wait(PATIENCE) is True
            assert (await answering).result == 2

    async def test_a_cancelled_caller_gives_nothing_up(self, shop: ToyShop) -> None:
        async with shop.open() as worker, shop.hold(worker):
            answering = worker.submit(ToyRequest(1), person=1)
            waiting = asyncio.create_task(answering.wait(FAR))
            await queued(worker, 1)
            waiting.cancel()
            await asyncio.wait((waiting,))
            assert not answering.done()
            shop.head.gate.set()
            assert (await answering).result == 2


async def test_no_handle_keeps_a_checkpoint(shop: ToyShop) -> None:
    """Neither that of a failed request nor that of an answered one."""

    def fail(values: list[int]) -> None:
        if 3 in values:
            raise ValueError

    shop.head.fault = fail
    async with shop.open() as worker:
        answered = worker.submit(ToyRequest(1), person=1)
        failed = worker.submit(ToyRequest(3), person=2)
        await answered
        with pytest.raises(ModelFailed):
            await failed
        assert answered.computation.call is None
        assert failed.computation.call is None


async def test_partial_results_end_with_the_answer(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker:
        with held_after(monkeypatch, 5):
            answering = worker.submit(GenerateRequest("I love", max_new_tokens=100, top_p=0.01), person=1)
            await under_way(answering)
            assert answering.state == AnsweringState(Stage.RUNNING)
            answering.stop()
        await answering
        assert await answering.partial() is None
