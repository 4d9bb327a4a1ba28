"""What people are told of a wait: how long it will be, and what it is for."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import QueueFull, StillLoading
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.operations import Budget, Operation
from bot.inference.scheduling.costs import REMEMBERED, Costs, Recent
from bot.inference.status import Phase
from bot.inference.task import Implementation
from bot.inference.worker import InferenceWorker, Limits
from tests.inference.toys import PRESET, TASK, ToyHead, ToyRequest, ToyShop, queued, toy_steps
from tests.support import open_worker
from tests.timers import FAR, PATIENCE


class Other(ToyRequest):
    """A request of another task."""


class Clock:
    """Seconds that pass in batches only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        for module in ("answerer", "scheduling.queue"):
            monkeypatch.setattr(f"bot.inference.{module}.time", SimpleNamespace(perf_counter=lambda: self.now))

    def batches_take(self, seconds: float, head: ToyHead) -> None:
        def pass_by(values: list[int]) -> None:
            self.now += seconds

        head.fault = pass_by


def refusal(worker: InferenceWorker) -> float:
    with pytest.raises(QueueFull) as refused:
        worker.submit(ToyRequest(99), person=99)
    return refused.value.wait


async def test_remembered_answers_do_not_shorten_the_wait(
    shop: ToyShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take no time, and whoever waits for the device does."""
    clock = Clock(monkeypatch)
    tasks = [replace(TASK, repeatable=True)]
    async with open_worker(PRESET, tmp_path, tasks=tasks, limits=Limits(requests=1)) as worker:
        clock.batches_take(52.0, shop.head)
        for _ in range(50):
            assert (await worker.run(ToyRequest(1), person=1)).result == 2
        assert shop.head.values == [1]
        async with shop.hold(worker) as held:
            assert refusal(worker) >= 52
        await held


async def test_the_wait_grows_with_what_is_in_the_queue(shop: ToyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of eight rows take two seconds each, so forty rows take ten."""
    clock = Clock(monkeypatch)
    async with shop.open(Limits(requests=41, per_person=99)) as worker:
        clock.batches_take(2.0, shop.head)
        await worker.run(ToyRequest(1, rows=8), person=1)
        async with shop.hold(worker) as held:
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(40)]
            await queued(worker, 40)
            assert refusal(worker) == pytest.approx(2 * 41 / 8)
        await asyncio.gather(held, *answers)


async def test_the_wait_includes_a_checkpoint_that_is_loading(shop: ToyShop) -> None:
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(PATIENCE)
        return shop.head

    shop.load = load
    async with shop.open(Limits(requests=1)) as worker:
        answer = worker.submit(ToyRequest(1), person=1)
        while worker.status().models["toy"].phase is not Phase.LOADING:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        worker.task_state("toy").expected_seconds = FAR
        assert refusal(worker) == pytest.approx(FAR, rel=0.05)
        gate.set()
        await answer


def test_the_first_answer_counts_in_full_and_the_last_ones_most() -> None:
    recent = Recent(1.0)
    recent.note(52.0)
    assert recent.average == 52.0
    for _ in range(100):
        recent.note(2.0)
    assert recent.average == pytest.approx(2.0, abs=0.01)


def test_what_rows_cost() -> None:
    operation: Operation[Any, Any] = Operation("double", lambda rows: [], Budget(1))
    costs = Costs()
    assert costs.of(operation, 100) == 0
    costs.note(operation, 3.0, 0)  # a step after which nobody is done
    assert costs.of(operation, 100) == 0
    costs.note(operation, 1.0, 40)
    assert costs.of(operation, 100) == pytest.approx(10)
    costs.note(operation, REMEMBERED, 0)
    costs.note(operation, 0.0, 20)
    assert costs.of(operation, 1) == pytest.approx((REMEMBERED + 4) / 2 / 40)


async def test_a_load_that_takes_too_long_is_told_as_such(shop: ToyShop) -> None:
    """Nobody has looked at the text yet, so a shorter one would not help."""
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(10)
        return shop.head

    shop.load = load
    async with shop.open(Limits(loading_seconds=0.05)) as worker:
        with pytest.raises(StillLoading, match=r"Toy is still loading\. Please try again in about 5 seconds") as told:
            await worker.run(ToyRequest(1), person=1)
        gate.set()
        assert (await worker.run(ToyRequest(1), person=1)).result == 2
    assert "shorter" not in told.value.sentence


@pytest.mark.parametrize("seconds", [None, 1.0])
def test_nobody_is_promised_a_load_that_is_overdue(seconds: float | None) -> None:
    assert StillLoading("Toy", seconds).sentence == "Toy is still loading. Please try again in a few minutes."


async def test_an_unexpected_error_while_preloading_is_logged(
    shop: ToyShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By its kind and place, without its text; the other checkpoints are loaded all the same."""

    def calibrate(head: ToyHead) -> Any:
        raise KeyError("somebody's text")

    uncalibrated = {ToyHead.kind: Implementation(toy_steps, calibrate=calibrate)}
    tasks = [replace(TASK, implementations=uncalibrated), replace(TASK, name="other", request=Other)]
    second = CheckpointSpec("Other", FolderSource(Path("/elsewhere")))
    preset = replace(PRESET, checkpoints={**PRESET.checkpoints, "other": second})
    async with open_worker(preset, shop._cache, tasks=tasks) as worker:
        await worker.preload()
        assert shop.loads == 2
    assert "/toy could not be loaded ahead of time: KeyError at test_waiting_times.py" in caplog.text
    assert "somebody's text" not in caplog.text
