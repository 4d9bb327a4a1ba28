"""After a pass that ran out of memory, the next batches are smaller, and grow again with care."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import Any

import pytest

from bot.inference.operations import Budget, Operation, Row
from bot.inference.scheduling.learned_budgets import PASSES, LearnedBudgets
from bot.inference.scheduling.recovery import RecoveringSession
from tests.inference.scheduling.test_recovery import Counting, Faults, run
from tests.inference.toys import ToyRequest, ToyShop, outcomes, queued

pytestmark = pytest.mark.measured_elsewhere

BUDGET = Budget(padded_tokens=640, rows=64)


def operation() -> Operation[Any, Any]:
    return Operation("toy", lambda rows: [], BUDGET)


def rows(number: int) -> list[Row[Any]]:
    return [Row(0, 10) for _ in range(number)]


class Device:
    """A device with room for so many rows, whose batches are as large as they may be."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.budgets = LearnedBudgets()
        self.operation = operation()
        self.shortages = 0

    def batch(self) -> int:
        """Run a batch, halved until it fits; return its size."""
        size = self.budgets.of(self.operation, BUDGET).padded_tokens // 10
        self._run(size)
        return size

    def _run(self, size: int) -> None:
        if size <= self.room:
            self.budgets.fitted(self.operation, rows(size))
            return
        self.shortages += 1
        self.budgets.failed(self.operation, rows(size))
        self._run(size // 2)


def test_what_fits_is_found_at_once_and_kept() -> None:
    device = Device(room=20)
    assert device.batch() == 64
    assert device.shortages == 2
    assert device.batch() == 16
    assert device.shortages == 2


def test_a_limit_grows_again_but_hardly_ever_fails() -> None:
    device = Device(room=20)
    sizes = [device.batch() for _ in range(3_000)]
    assert max(sizes[1:]) <= 25
    assert min(sizes[1:]) >= 16
    assert device.shortages <= 12
    assert sum(sizes[1_000:]) / len(sizes[1_000:]) > 18


def test_a_shortage_that_has_passed_is_forgotten_in_the_end() -> None:
    device = Device(room=2)
    for _ in range(5):
        device.batch()
    device.room = 64
    for _ in range(200 * PASSES):
        device.batch()
    assert device.batch() == 64


def test_small_batches_prove_nothing() -> None:
    budgets, one = LearnedBudgets(), operation()
    budgets.failed(one, rows(40))
    for _ in range(10 * PASSES):
        budgets.fitted(one, rows(5))
    assert budgets.of(one, BUDGET).padded_tokens == 200
    budgets.forget(one)
    assert budgets.of(one, BUDGET) == BUDGET


async def test_the_worker_learns(shop: ToyShop) -> None:
    def fault(values: list[int]) -> None:
        if len(values) > 3:
            raise MemoryError

    shop.head.fault = fault
    async with shop.open() as worker:
        for turn in range(3):
            async with shop.hold(worker):
                answers = [worker.submit(ToyRequest(index), person=index) for index in range(8)]
                await queued(worker, 8)
                shop.head.batches.clear()
            assert await outcomes(*answers) == [2 * index for index in range(8)]
            sizes = [len(one) for one in shop.head.batches]
            assert (max(sizes) == 8) is (turn == 0), sizes
            if turn:
                assert max(sizes) <= 3
    assert worker._queue._scheduler.shortages == 3


def test_garbage_is_looked_for_once_in_a_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops every thread, the event loop's too: for a second where much is loaded."""
    collections = 0

    def collect(*_: Any) -> int:
        nonlocal collections
        collections += 1
        return 0

    monkeypatch.setattr(gc, "collect", collect)
    heard: list[int] = []
    begin = partial(Counting, Faults(most=1), [4] * 16, joinable=True)
    session = RecoveringSession("count", begin, lambda those: heard.append(len(those)))
    for _ in run([Row(place, 1) for place in range(16)], session):
        pass
    assert heard[:4] == [16, 8, 4, 2]
    assert collections == 1


async def test_nor_more_often_for_a_batch(shop: ToyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(values: list[int]) -> None:
        if len(values) > 1:
            raise MemoryError

    collections = 0

    def collect(*_: Any) -> int:
        nonlocal collections
        collections += 1
        return 0

    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(8)]
            await queued(worker, 8)
            shop.head.fault = fault
            monkeypatch.setattr(gc, "collect", collect)
        assert await outcomes(*answers) == [2 * index for index in range(8)]
        assert collections == 1
        await asyncio.sleep(0)


def test_a_poisoned_newcomer_costs_the_others_one_reading() -> None:
    """They read their tokens again once, however many they are; not once for each half of a search among them."""
    begun: list[list[int]] = []

    class Noted(Counting):
        def join(self, those: Any) -> None:
            begun.append([row.inputs for row in those])
            super().join(those)

    lengths = [30] * 17
    people = [Row(place, 1) for place in range(16)]
    session = RecoveringSession("count", partial(Noted, Faults({16: 0}), lengths, joinable=True))
    session.decode_step(people)
    for _ in range(5):
        session.decode_step([])
    begun.clear()
    culprit = Row(16, 1)
    failed = session.decode_step([culprit])
    for _ in range(3):
        failed += session.decode_step([])
    assert [row for row, _ in failed] == [culprit]
    assert begun == [[16], [16], list(range(16))]
    assert all(len(row.progress) >= 8 for row in people)
