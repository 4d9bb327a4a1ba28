"""Equal requests are computed once."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ModelFailed
from bot.inference.scheduling.result_cache import ResultCache
from tests.timers import turns


class Computation:
    """Counts how often it is run, and waits until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.ended = 0
        self.go = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.runs += 1
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        if self._error is not None:
            raise self._error
        return self.runs


async def test_equal_requests_under_way_share_one_computation() -> None:
    shared, compute = ResultCache(8), Computation()
    asked = [asyncio.create_task(shared.get("a", compute)) for _ in range(5)]
    await asyncio.sleep(0)
    compute.go.set()
    assert await asyncio.gather(*asked) == [1] * 5


async def test_a_result_is_remembered() -> None:
    shared, compute = ResultCache(8), Computation()
    compute.go.set()
    assert [await shared.get("a", compute) for _ in range(3)] == [1, 1, 1]
    assert await shared.get("b", compute) == 2


async def test_the_least_recently_used_is_forgotten() -> None:
    shared, compute = ResultCache(2), Computation()
    compute.go.set()
    for request in ("a", "b", "a", "c"):
        await shared.get(request, compute)
    assert await shared.get("a", compute) == 1
    assert await shared.get("b", compute) == 4
    assert len(shared) == 2


async def test_nothing_is_remembered_where_nothing_may_be() -> None:
    shared, compute = ResultCache(0), Computation()
    compute.go.set()
    assert [await shared.get("a", compute) for _ in range(2)] == [1, 2]


async def test_one_who_gives_up_does_not_end_it_for_the_others() -> None:
    shared, compute = ResultCache(8), Computation()
    impatient, patient = (asyncio.create_task(shared.get("a", compute)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    compute.go.set()
    assert await patient == 1
    assert impatient.cancelled()


async def test_it_ends_when_the_last_gives_up_and_a_newcomer_begins_anew() -> None:
    shared, compute = ResultCache(8), Computation()
    asked = [asyncio.create_task(shared.get("a", compute)) for _ in range(2)]
    await turns()
    for one in asked:
        one.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await asyncio.sleep(0)
    assert compute.ended == 1
    compute.go.set()
    assert await shared.get("a", compute) == 2


async def test_a_newcomer_in_the_moment_of_giving_up_is_answered() -> None:
    shared, compute = ResultCache(8), Computation()
    impatient = asyncio.create_task(shared.get("a", compute))
    await turns()
    impatient.cancel()
    newcomer = asyncio.create_task(shared.get("a", compute))
    await turns()
    compute.go.set()
    assert await newcomer in (1, 2)


async def test_a_failure_is_told_to_all_and_not_remembered() -> None:
    shared, compute = ResultCache(8), Computation(ModelFailed())
    compute.go.set()
    for _ in range(2):
        outcomes = await asyncio.gather(*(shared.get("a", compute) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, ModelFailed) for outcome in outcomes)
    assert compute.runs == 2
    with pytest.raises(ModelFailed):
        await shared.get("a", compute)


async def test_what_is_remembered_can_be_found_without_computing() -> None:
    shared, compute = ResultCache(8), Computation()
    compute.go.set()
    assert shared.find("a") is None
    assert await shared.get("a", compute) == shared.find("a") == 1
    assert ResultCache(0).find("a") is None


@pytest.mark.parametrize(("weight", "kept"), [(1, 4), (2, 2), (4, 1), (5, 0)])
async def test_large_results_count_for_several(weight: int, kept: int) -> None:
    async def compute() -> str:
        return "large"

    shared = ResultCache(4)
    for request in range(6):
        assert await shared.get(request, compute, weight) == "large"
        await asyncio.sleep(0)
    assert len(shared) == kept
    assert shared.find(5) == ("large" if kept else None)
    assert shared.find(0) is None
