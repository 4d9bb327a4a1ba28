"""Background requests: computed behind everybody who waits, and yet to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bot.errors import QueueFull, TooManyRequests
from bot.inference.observer import Unobserved
from bot.inference.operations import Budget
from bot.inference.scheduling.preparation import PreparationThreads
from bot.inference.scheduling.turns import PEOPLES_TURNS, Alternation, Turn
from bot.inference.worker import Limits
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.inference.pacing import paused
from tests.inference.toys import ToyHead, ToyRequest, ToyShop, queued, until
from tests.support import device_held
from tests.timers import PATIENCE

ONE_EACH = Budget(1, rows=1)
FILE, PERSON, OTHER = 1, 2, 3


async def test_background_rows_wait_for_everybody_and_share_no_batch_with_them(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(40)]
            await queued(worker, 40)
            late = worker.submit(ToyRequest(PERSON), person=1)
            await queued(worker, 41)
            assert late.queue_position == 0
            answers += [worker.submit(ToyRequest(OTHER), person=2) for _ in range(20)]
            await queued(worker, 61)
            assert answers[0].queue_position == 21
        await asyncio.gather(late, *answers)
    assert shop.head.values[1:22].count(FILE) == 0
    assert all(len({value == FILE for value in batch}) == 1 for batch in shop.head.batches[1:])


async def test_background_rows_come_to_an_end_while_people_keep_asking(shop: ToyShop) -> None:
    shop.head = ToyHead(ONE_EACH)
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(2)]
            answers += [worker.submit(ToyRequest(PERSON), person=index) for index in range(3 * PEOPLES_TURNS)]
            await queued(worker, 2 + 3 * PEOPLES_TURNS)
        await asyncio.gather(*answers)
    first = shop.head.values.index(FILE)
    assert first == 1 + PEOPLES_TURNS
    assert shop.head.values.index(FILE, first + 1) == first + 1 + PEOPLES_TURNS


def test_a_pass_in_which_no_background_row_waits_is_not_counted() -> None:
    alternation, people, background = Alternation(), Turn(False, "a"), Turn(True, "a")
    for _ in range(PEOPLES_TURNS):
        assert alternation.allowed([people, background]) == [people]
    assert alternation.allowed([people]) == [people]
    assert alternation.allowed([people, background]) == [people]
    assert alternation.allowed([background]) == [background]
    assert alternation.allowed([]) == []


async def test_files_are_fair_to_each_other(shop: ToyShop) -> None:
    shop.head = ToyHead(ONE_EACH)
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(30)]
            await queued(worker, 30)
            answers += [worker.submit(ToyRequest(OTHER), person=2, background=True) for _ in range(3)]
            await queued(worker, 33)
        await asyncio.gather(*answers)
    assert shop.head.values[:10].count(OTHER) == 3


async def test_they_do_not_count_among_the_requests_of_people(shop: ToyShop) -> None:
    limits = Limits(requests=4, per_person=2, background=6, seconds=PATIENCE)
    async with shop.open(limits) as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(6)]
            with pytest.raises(QueueFull):
                worker.submit(ToyRequest(FILE), person=2, background=True)
            answers += [worker.submit(ToyRequest(PERSON), person=1) for _ in range(2)]
            with pytest.raises(TooManyRequests):
                worker.submit(ToyRequest(PERSON), person=1)
            answers.append(worker.submit(ToyRequest(PERSON), person=2))
            with pytest.raises(QueueFull):
                worker.submit(ToyRequest(PERSON), person=3)
        await asyncio.gather(*answers)
        await worker.submit(ToyRequest(FILE), person=1, background=True)
        assert worker.status().requests == 0


async def test_what_waits_in_the_background_delays_nobody_in_the_estimate(shop: ToyShop) -> None:
    async with shop.open() as worker:
        await worker.run(ToyRequest(1), person=1)
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(40)]
            await queued(worker, 40)
            before = worker._queue.expected_seconds
            answers.append(worker.submit(ToyRequest(PERSON), person=2))
            await queued(worker, 41)
            assert 0 < before < worker._queue.expected_seconds
        await asyncio.gather(*answers)


async def test_nobody_joins_a_computation_of_the_background(make_worker: Callable[..., Any]) -> None:
    """And its results are not kept for others, although it uses theirs."""
    async with make_worker() as worker:
        await worker.load(["sentiment"])
        async with device_held(worker):
            file = [
                worker.submit(SentimentRequest(f"apples {index}"), person=1, background=True) for index in range(99)
            ]
            await queued(worker, 99)
            equal = worker.submit(SentimentRequest("apples 98"), person=2)
            await queued(worker, 100)
            assert equal.queue_position == 0
        assert (await equal).result == (await file[98]).result
        assert len(worker._answerer._shared) == 1
        batches = worker.status().batches
        assert (await worker.submit(SentimentRequest("apples 98"), person=1, background=True)).result
        assert worker.status().batches == batches
        await asyncio.gather(*file)


async def test_people_join_texts_of_the_background_between_two_steps(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = GenerateRequest("I love apples and", max_new_tokens=400, top_p=0.01)
    async with make_worker() as worker:
        await worker.load(["sentiment", "generate"])
        with paused(monkeypatch, long.max_new_tokens) as pause:
            file = worker.submit(long, person=1, background=True)
            await until(lambda: len(pause.held) == 1)
            person = [
                worker.submit(GenerateRequest("The capital of", max_new_tokens=4), person=2),
                worker.submit(SentimentRequest("I love apples"), person=2),
            ]
            await queued(worker, 2)
            pause.asked.set()
            await asyncio.gather(*person)
            assert not file.done()
            pause.answered.set()
            assert (await file).result.continuations


async def test_background_rows_fill_larger_batches_if_those_are_quicker(shop: ToyShop) -> None:
    shop.head = ToyHead(Budget(16, rows=8, background_tokens=32))
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(FILE), person=1, background=True) for _ in range(8)]
            answers += [worker.submit(ToyRequest(PERSON), person=2) for _ in range(4)]
            await queued(worker, 12)
        await asyncio.gather(*answers)
    assert shop.head.batches[1:] == [[PERSON] * 2] * 2 + [[FILE] * 4] * 2


@pytest.mark.parametrize(("budget", "part"), [(Budget(100, 64), (75, 48)), (Budget(2, 1), (1, 1))])
def test_a_part_of_a_budget(budget: Budget, part: tuple[int, int]) -> None:
    share = budget.share(0.75)
    assert (share.padded_tokens, share.rows, share.waste) == (*part, budget.waste)


async def test_texts_are_prepared_behind_those_of_people() -> None:
    threads, made = PreparationThreads(1), list[str]()
    calls = [threads.run(made.append, "file", kind=None, background=True) for _ in range(5)]
    calls += [threads.run(made.append, "person", kind=None) for _ in range(5)]
    await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)
    assert made == ["person"] * 5 + ["file"] * 5
    left = threads.run(made.append, "late", kind=None, background=True)
    await threads.aclose()
    assert left.cancelled()


async def test_an_observer_hears_of_the_waits_of_people_alone(make_worker: Callable[..., Any]) -> None:
    class Hearing(Unobserved):
        def __init__(self) -> None:
            self.waits: list[float] = []
            self.rows = self.answers = 0

        def batch(self, operation: str, lengths: Sequence[int], waits: Sequence[float]) -> None:
            self.rows += len(lengths)
            self.waits += waits

        def answered(self, task: str, seconds: float, error: BaseException | None) -> None:
            self.answers += 1

    heard = Hearing()
    async with make_worker(observer=heard) as worker:
        await worker.submit(SentimentRequest("one"), person=1, background=True)
        await worker.submit(SentimentRequest("two"), person=1)
    assert (heard.rows, len(heard.waits), heard.answers) == (2, 1, 1)
