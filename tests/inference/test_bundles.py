"""Requests that are answered as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import InvalidRequest, ModelFailed, ModelUnavailable, QueueFull
from bot.inference.bundles import Bundle, Bundling
from bot.inference.operations import Budget, Operation, Row, TaskRun, run_task
from bot.inference.remote.backend import RemoteBackend
from bot.inference.requests import Request
from bot.inference.side_by_side import side_by_side
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.inference.toys import ToyHead, ToyRequest, ToyShop, queued, toy_steps, until

MakeWorker = Callable[..., Any]

TEXTS = ("I love apples", "lemons are sour", "Nobody knows who wrote this book, but everybody has read it.")
REQUESTS: Mapping[str, list[Request[Any]]] = {
    "sentiment": [SentimentRequest(text) for text in TEXTS],
    "zeroshot": [ZeroShotRequest(text, ("food", "travel", "art")[: 2 + len(text) % 2]) for text in TEXTS],
    "entities": [EntitiesRequest(text) for text in TEXTS],
    "fill": [FillRequest(f"{text} ___", 2) for text in TEXTS],
    "similarity": [SimilarityRequest((text, TEXTS[0])) for text in TEXTS],
}


@pytest.mark.parametrize("task", REQUESTS)
async def test_the_answers_are_those_that_each_has_alone(make_worker: MakeWorker, task: str) -> None:
    async with make_worker() as worker:
        singly = [(await worker.submit(one, person=1)).result for one in REQUESTS[task]]
        assert list((await worker.submit_bundle(REQUESTS[task], person=2)).result) == singly


async def test_rows_go_through_the_queue_together_behind_everybody(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            bundle = worker.submit_bundle([ToyRequest(value, steps=value) for value in (1, 2, 3)], person=1)
            await queued(worker, 3)
            assert worker.status().requests == 2
            person = worker.submit(ToyRequest(9), person=2)
            await queued(worker, 4)
        assert (await bundle).result == (2, 8, 18)
        await person
    assert shop.head.batches[1:] == [[9], [1, 2, 3], [2, 3], [3]]


async def test_one_that_fails_fails_all(shop: ToyShop) -> None:
    def fault(values: list[int]) -> None:
        if 2 in values:
            raise ValueError("two")

    shop.head.fault = fault
    async with shop.open() as worker:
        with pytest.raises(ModelFailed):
            await worker.submit_bundle([ToyRequest(1), ToyRequest(2)], person=1)
        assert (await worker.submit_bundle([ToyRequest(1), ToyRequest(3)], person=1)).result == (2, 6)
        await until(lambda: not worker.status().requests)


async def test_a_bundle_that_is_given_up_costs_no_device_time(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            bundle = worker.submit_bundle([ToyRequest(1), ToyRequest(2)], person=1)
            await queued(worker, 2)
            bundle.cancel()
            await queued(worker, 0)
        await until(lambda: not worker.status().requests)
    assert shop.head.values == [0]


async def test_a_bundle_counts_as_one_request(shop: ToyShop) -> None:
    async with shop.open(Limits(background=1, per_person=1)) as worker:
        async with shop.hold(worker):
            bundle = worker.submit_bundle([ToyRequest(value) for value in range(5)], person=1)
            with pytest.raises(QueueFull):
                worker.submit_bundle([ToyRequest(1)], person=1)
        await bundle


async def test_the_chosen_checkpoint_answers(make_worker: MakeWorker) -> None:
    async with make_worker() as worker:
        with pytest.raises((InvalidRequest, ModelUnavailable)):
            worker.submit_bundle([replace(one, checkpoint="nowhere") for one in REQUESTS["sentiment"]], person=1)
        name = worker.task_state("sentiment").spec.name
        chosen = [replace(one, checkpoint=name) for one in REQUESTS["sentiment"]]
        assert (await worker.submit_bundle(chosen, person=1)).checkpoint == name


def test_a_bundle_is_of_one_kind() -> None:
    one = SentimentRequest("a")
    for others in ([], [FillRequest("a ___")], [replace(one, checkpoint="x")]):
        with pytest.raises(ValueError, match="one kind"):
            Bundle.of([one, *others] if others else [])


def test_a_worker_bundles_and_a_remote_backend_does_not() -> None:
    assert issubclass(InferenceWorker, Bundling)
    assert not issubclass(RemoteBackend, Bundling)


def test_different_operations_and_rows_that_want_to_be_alone_stay_apart() -> None:
    head = ToyHead(Budget(64, rows=8))
    requests = [
        ToyRequest(1),
        ToyRequest(2, operation="second"),
        ToyRequest(3, alone=True),
        ToyRequest(4, rows=2),
        ToyRequest(5, steps=0),
        ToyRequest(6, alone=True),
    ]
    assert run_task(side_by_side([toy_steps(head, one) for one in requests])) == (2, 4, 6, 16, 0, 12)
    assert sorted(head.batches) == [[1, 4, 4], [2], [3], [6]]


def test_nothing_takes_no_pass() -> None:
    assert run_task(side_by_side([])) == ()


def test_outputs_find_their_way_back() -> None:
    operation: Operation[int, int] = Operation("square", lambda rows: [row.inputs**2 for row in rows], Budget(64))

    def run(numbers: list[int]) -> TaskRun[list[int]]:
        found = yield from operation([Row(number, 1) for number in numbers])
        return found

    assert run_task(side_by_side([run([1, 2]), run([3]), run([4, 5, 6])])) == ([1, 4], [9], [16, 25, 36])
