"""Several devices with a replica of every checkpoint each: who computes what, and what the answers say of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict

import pytest
import torch

from bot.errors import SettingsError
from bot.inference.compute.device import Device
from bot.inference.operations import Budget
from bot.inference.scheduling.device_runner import device_thread, threads_each
from bot.inference.scheduling.replicas import Replicas, operations_of
from bot.inference.worker import InferenceWorker
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.inference.pacing import paused
from tests.inference.toys import ToyHead, queued, until
from tests.support import CPU, device_held, rows_arrived, run_all, run_crowd, under_way

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

OTHER = Device("cpu:0", "float32")
"""The same processor under another name, so that answers tell which of the two it was."""
LONG = GenerateRequest("I love apples and", max_new_tokens=200, top_p=0.01)
TEXTS = [f"I love apples {'and lemons ' * (index % 7)}{index}" for index in range(150)]


@pytest.fixture(autouse=True)
def _both_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the budgets of one, that is."""
    monkeypatch.setattr(Device, "on_cpu", property(lambda self: self.name.startswith("cpu")))


async def test_both_devices_compute_and_agree(make_worker: OpenWorker) -> None:
    requests = [SentimentRequest(text) for text in TEXTS]
    async with make_worker() as worker:
        expected = await run_all(worker, requests)
    async with make_worker(device=[CPU, CPU]) as worker:
        results = await run_crowd(worker, requests)
        devices = worker.status().devices
    assert [one.rows for one in devices if one.rows == 0] == []
    assert sum(one.rows for one in devices) == len(TEXTS)
    for result, wanted in zip(results, expected, strict=True):
        assert result.scores[0].label == wanted.scores[0].label
        assert result.scores[0].probability == pytest.approx(wanted.scores[0].probability, abs=1e-5)


async def test_a_replica_computes_on_its_own_device(make_worker: OpenWorker) -> None:
    """Not the first device's weights on the second device's thread."""
    requests = [SentimentRequest(text) for text in TEXTS]
    async with make_worker(device=[CPU, OTHER]) as worker:
        async with worker._pool.lease("sentiment") as model:
            first, second = model.heads
        assert first is not second
        assert not {one.data_ptr() for one in first.model.parameters()} & {
            one.data_ptr() for one in second.model.parameters()
        }
        with torch.no_grad():
            for parameter in second.model.parameters():
                parameter.fill_(0.0)  # and so every label is as likely as the others
        async with device_held(worker):
            answers = [worker.submit(request, person=index) for index, request in enumerate(requests)]
            await rows_arrived(worker)
        found = await asyncio.gather(*answers)
    spoilt = {answer.device for answer in found if answer.result.scores[0].probability == 0.5}
    sound = {answer.device for answer in found if answer.result.scores[0].probability != 0.5}
    assert (sound, spoilt) == ({"cpu"}, {"cpu:0"})


async def test_an_answer_names_all_the_devices_that_it_ran_on(make_worker: OpenWorker) -> None:
    labels = tuple(f"label {index}" for index in range(10))
    requests = [ZeroShotRequest(text, labels) for text in TEXTS[:20]]
    async with make_worker(device=[CPU, OTHER]) as worker:
        await worker.load(["zeroshot"])
        async with device_held(worker):
            answers = [worker.submit(request, person=index) for index, request in enumerate(requests)]
            await rows_arrived(worker)
        named = [answer.device for answer in await asyncio.gather(*answers)]
        assert "cpu and cpu:0" in named
        assert set(named) <= {"cpu", "cpu:0", "cpu and cpu:0"}
        remembered = [(await worker.run(request, person=1)).device for request in requests]
    assert remembered == named


async def test_joined_answers_name_the_device_of_the_one_computation(make_worker: OpenWorker) -> None:
    async with make_worker(device=[CPU, OTHER]) as worker:
        await worker.load(["sentiment"])
        answers = await asyncio.gather(*(worker.run(SentimentRequest("Lemons"), person=one) for one in range(8)))
        status = worker.status()
    [busy] = [one.name for one in status.devices if one.rows]
    assert {answer.device for answer in answers} == {busy}
    assert status.rows == 1


async def test_two_texts_are_written_at_the_same_time(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on its device, and a classifier gets its turn on either."""
    async with make_worker(device=[CPU, OTHER]) as worker:
        await worker.load(["generate", "sentiment"])
        seeded = [GenerateRequest("I love", max_new_tokens=200, seed=one) for one in (1, 2)]
        with paused(monkeypatch, 200) as pause:
            answers = [worker.submit(one, person=one.seed or 0) for one in seeded]
            await until(lambda: len(pause.held) == 2)
            assert not any(answer.done() for answer in answers)
            other = worker.submit(SentimentRequest("I love apples"), person=3)
            await queued(worker, 1)
            pause.asked.set()
            await other
            assert not all(answer.done() for answer in answers)
        found = await asyncio.gather(*answers)
        assert {answer.device for answer in found} == {"cpu", "cpu:0"}
        alone = [(await worker.run(one, person=1)).result for one in seeded]
    assert [answer.result for answer in found] == alone


async def test_rows_of_a_text_stay_on_their_device(make_worker: OpenWorker) -> None:
    async with make_worker(device=[CPU, OTHER]) as worker:
        answers = await asyncio.gather(*(worker.run(LONG, person=one) for one in range(6)))
    assert {answer.device for answer in answers} <= {"cpu", "cpu:0"}
    assert len({answer.result.continuations[0].text for answer in answers}) == 1


async def test_other_tasks_work_as_well(make_worker: OpenWorker) -> None:
    request = TranslateRequest("Good morning, how are you today?", "de", "en")
    async with make_worker() as worker:
        expected = (await worker.run(request, person=1)).result
    async with make_worker(device=[CPU, CPU]) as worker:
        assert (await worker.run(request, person=1)).result == expected


async def test_giving_up_on_two_devices(make_worker: OpenWorker) -> None:
    async with make_worker(device=[CPU, CPU]) as worker:
        await worker.load(["generate"])
        answers = [worker.submit(LONG, person=one) for one in range(8)]
        await under_way(answers[0])
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        await until(lambda: not any(runner.rows for runner in worker._queue._runners))
        rows = worker.status().rows
        await worker.run(SentimentRequest("I love apples"), person=1)
        assert worker.status().rows == rows + 1


def test_operations_are_found_by_name() -> None:
    heads = [ToyHead(Budget(8)), ToyHead(Budget(8))]
    replicas = Replicas()
    assert replicas.on(heads[0].double, 0) is heads[0].double
    assert replicas.on(heads[0].double, 1) is None
    replicas.add(heads)
    assert [replicas.on(heads[0].second, place) for place in (0, 1)] == [heads[0].second, heads[1].second]
    assert set(operations_of(heads[0])) == {"double", "second", "endless"}
    for operation in operations_of(heads[0]).values():
        replicas.forget(operation)
    assert len(replicas) == 0


def test_processors_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert threads_each(["cpu"]) is None
    assert threads_each(["cpu", "cuda:0"]) is None
    assert threads_each(["cpu", "cpu"]) == 4
    assert threads_each(["cpu"] * 20) == 1


def test_only_the_thread_of_a_device_gets_its_share() -> None:
    before = torch.get_num_threads()
    with device_thread("cpu", 3) as thread:
        assert thread.submit(torch.get_num_threads).result() == 3
    assert torch.get_num_threads() == before


class TestChoosing:
    def test_one(self) -> None:
        assert Device.choose_all("cpu", "float32") == (CPU,)
        assert Device.choose_all() == (Device.choose(),)

    def test_several(self) -> None:
        assert Device.choose_all(" cpu , cpu", "float32") == (CPU, CPU)

    @pytest.mark.parametrize("names", ["cpu,cuda:63", "cpu,gpu"])
    def test_one_that_is_not_there(self, names: str) -> None:
        with pytest.raises(SettingsError, match=r"has '(cuda:63|gpu)', and this machine has no such device"):
            Device.choose_all(names)

    @pytest.mark.parametrize("names", ["auto,cpu", "cpu,", ",", "cpu,,cpu"])
    def test_a_list_that_makes_no_sense(self, names: str) -> None:
        with pytest.raises(SettingsError, match="auto alone"):
            Device.choose_all(names)

    def test_a_device_that_is_listed_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.inference.compute.device._checked_device", lambda name: name)
        with pytest.raises(SettingsError, match="cuda:0 is listed twice"):
            Device.choose_all("cuda:0,cuda:1,cuda:0", "bfloat16")


async def test_the_status_can_be_sent(make_worker: OpenWorker) -> None:
    async with make_worker(device=[CPU, OTHER]) as worker:
        await worker.run(SentimentRequest("I love apples"), person=1)
        await worker.run(GenerateRequest("I love", max_new_tokens=3), person=1)
        status = worker.status()
    sent = json.loads(json.dumps(asdict(status)))
    assert [one["name"] for one in sent["devices"]] == ["cpu", "cpu:0"]
    assert sum(one["busy_seconds"] for one in sent["devices"]) > 0
    assert status.tokens == sum(one["tokens"] for one in sent["devices"]) > 0
    assert status.padded_tokens >= status.tokens
    assert (status.device, status.precision) == ("cpu and cpu:0", "float32")
    sentiment, generate = status.models["sentiment"], status.models["generate"]
    assert sentiment.precision == ("float32", "float32")
    assert "float32" in sentiment.precision_reason
    assert (sentiment.requests, sentiment.joins, generate.joins) == (0, None, True)
    assert sentiment.idle_seconds is not None
    assert sentiment.idle_seconds < 10
    assert status.models["fill"].idle_seconds is None
    assert status.models["fill"].bytes == 0
    assert sum(one.weight_bytes for one in status.devices) == sentiment.bytes + generate.bytes
