from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.errors import (
    DeadlinePassed,
    InvalidRequest,
    ModelFailed,
    ModelUnavailable,
    OutOfMemory,
    QueueFull,
    Refused,
    ShuttingDown,
    TooManyRequests,
)
from bot.inference.answering import Answering
from bot.inference.operations import Budget
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker, Limits
from tests.inference.toys import (
    CALIBRATED,
    CALIBRATION,
    GENEROUS,
    PRESET,
    TASK,
    ToyHead,
    ToyRequest,
    ToyShop,
    queued,
    until,
)
from tests.support import open_worker
from tests.timers import FAR, PATIENCE, Timers, turns


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[ToyShop]:
    shop = ToyShop(tmp_path, devices=getattr(request, "param", 1))
    monkeypatch.setattr("bot.inference.checkpoints.pool.fetch", lambda spec, cache, report: cache)
    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", shop.load_head)
    yield shop
    shop.head.gate.set()


on_one_and_two = pytest.mark.parametrize("shop", [1, 2], indirect=True, ids=["one device", "two devices"])
"""What must hold whatever the number of devices."""


async def outcomes(answers: Sequence[Answering[Any]]) -> list[Any]:
    """Results, or the errors in their places."""
    found = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), PATIENCE)
    return [one if isinstance(one, BaseException) else one.result for one in found]


async def test_an_answer(shop: ToyShop) -> None:
    async with shop.open() as worker:
        began = time.perf_counter()
        answer = await worker.run(ToyRequest(21), person=1)
        took = time.perf_counter() - began
    assert (answer.result, answer.checkpoint, answer.device, answer.precision) == (42, "Toy", "cpu", "float32")
    assert answer.note == "A toy spoke."
    assert 0 < answer.seconds <= took


@on_one_and_two
async def test_several_rows_and_steps(shop: ToyShop) -> None:
    async with shop.open() as worker:
        assert (await worker.run(ToyRequest(3, rows=20, steps=3), person=1)).result == 3 * 20 * 3 * 2
        assert (await worker.run(ToyRequest(3, rows=0), person=1)).result == 0
    assert max(map(len, shop.head.batches)) == 8


# 1. Every accepted request is answered exactly once.


def random_requests(chance: random.Random, number: int) -> list[ToyRequest]:
    return [
        ToyRequest(
            index,
            rows=chance.choice([1, 1, 1, 4]),
            steps=chance.choice([1, 1, 2]),
            tokens=chance.randint(1, 60),
            operation=chance.choice(["double", "second"]),
        )
        for index in range(number)
    ]


async def submit_in_turns(worker: InferenceWorker, requests: Sequence[ToyRequest]) -> list[Answering[int]]:
    """Let the event loop go on now and then."""
    answers: list[Answering[int]] = []
    for index, request in enumerate(requests):
        answers.append(worker.submit(request, person=index % 7))
        if index % 20 == 0:
            await asyncio.sleep(0)
    return answers


async def cancel(answers: Sequence[Answering[int]], indices: Iterable[int]) -> set[int]:
    """Cancel the answers with these indices that are not there yet, one a turn; return which."""
    cancelled = set()
    for index in indices:
        await asyncio.sleep(0)
        if not answers[index].done():
            answers[index].cancel()
            cancelled.add(index)
    return cancelled


@pytest.mark.measured_elsewhere
@on_one_and_two
async def test_hundreds_of_requests_with_faults_and_cancellations(shop: ToyShop) -> None:
    chance, flaky = random.Random(1), random.Random(2)
    requests = random_requests(chance, 600)
    broken = set(chance.sample(range(600), 40))

    def fault(values: list[int]) -> None:
        if broken & set(values):
            raise ValueError("a bad row")
        if len(values) > 1 and flaky.random() < 0.1:
            raise RuntimeError("a bad moment")

    shop.head.fault = fault
    shop.head.gate.clear()
    async with shop.open() as worker:
        answers = await submit_in_turns(worker, requests)
        chosen = chance.sample(range(600), 150)
        cancelled = await cancel(answers, chosen[:60])
        shop.head.gate.set()
        cancelled |= await cancel(answers, chosen[60:])  # while batches run
        found = await outcomes(answers)
        assert worker.status().requests == 0
        await until(lambda: worker.status().rows_waiting == 0)
        assert (await worker.run(ToyRequest(1), person=1)).result == 2
    assert len(cancelled) > 50
    assert {index for index, one in enumerate(found) if isinstance(one, asyncio.CancelledError)} == cancelled
    assert {index for index, one in enumerate(found) if isinstance(one, ModelFailed)} == broken - cancelled
    for request, one in zip(requests, found, strict=True):
        assert isinstance(one, BaseException) or one == 2 * request.value * request.rows * request.steps


# 2. A full queue refuses at submit, and so does a person's quota.


async def test_a_full_queue_refuses_at_submit(shop: ToyShop) -> None:
    async with shop.open(Limits(requests=3)) as worker, shop.hold(worker):
        accepted = [worker.submit(ToyRequest(index), person=index) for index in range(2)]
        with pytest.raises(QueueFull) as refusal:
            worker.submit(ToyRequest(9), person=9)
        assert refusal.value.wait > 0
        assert "try again in about" in refusal.value.sentence
        shop.head.gate.set()
        assert await outcomes(accepted) == [0, 2]
        assert (await worker.run(ToyRequest(4), person=4)).result == 8


async def test_one_person_may_not_fill_the_queue(shop: ToyShop) -> None:
    async with shop.open(Limits(per_person=2)) as worker, shop.hold(worker):
        accepted = [worker.submit(ToyRequest(index), person=1) for index in range(2)]
        with pytest.raises(TooManyRequests, match="2 requests"):
            worker.submit(ToyRequest(9), person=1)
        accepted.append(worker.submit(ToyRequest(2), person=2))
        accepted[0].cancel()
        assert await accepted[0].wait(PATIENCE)
        accepted.append(worker.submit(ToyRequest(3), person=1))
        shop.head.gate.set()
        assert (await outcomes(accepted))[1:] == [2, 4, 6]


async def test_whoever_was_answered_may_ask_at_once(shop: ToyShop) -> None:
    async with shop.open(Limits(requests=1, per_person=1)) as worker:
        for index in range(20):
            assert (await worker.run(ToyRequest(index), person=1)).result == 2 * index


async def test_a_request_that_is_cancelled_before_it_begins_frees_its_place(shop: ToyShop) -> None:
    async with shop.open(Limits(requests=1)) as worker:
        given_up = worker.submit(ToyRequest(1), person=1)
        given_up.cancel()
        assert await given_up.wait(PATIENCE)
        assert (await worker.run(ToyRequest(2), person=1)).result == 4
    assert shop.head.values == [2]


# 3. What nobody waits for costs no device time.


@on_one_and_two
async def test_cancelled_requests_never_run(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index, rows=3), person=index) for index in range(1, 21)]
            await queued(worker, 60)
            for answer in answers[::2]:
                answer.cancel()
            await asyncio.sleep(0)
        found = await outcomes(answers)
    assert all(isinstance(one, asyncio.CancelledError) for one in found[::2])
    assert found[1::2] == [6 * index for index in range(2, 21, 2)]
    assert set(shop.head.values) == {0, *range(2, 21, 2)}


async def test_late_requests_are_told_and_never_run(shop: ToyShop, timers: Timers) -> None:
    async with shop.open(Limits(seconds=FAR)) as worker:
        async with shop.hold(worker) as held:
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(1, 6)]
            await queued(worker, 5)
            await timers.skip()
            found = await outcomes([held, *answers])
        assert all(isinstance(one, DeadlinePassed) for one in found)
        assert (await worker.run(ToyRequest(7), person=1)).result == 14
    assert shop.head.values == [0, 7]


@on_one_and_two
@pytest.mark.parametrize("late", [False, True])
async def test_a_long_operation_ends_when_abandoned(shop: ToyShop, timers: Timers, late: bool) -> None:
    async with shop.open(Limits(seconds=FAR)) as worker:
        answer = worker.submit(ToyRequest(1, operation="endless"), person=1)
        await until(lambda: shop.head.running)
        if late:
            await timers.skip()
        else:
            answer.cancel()
        [found] = await outcomes([answer])
        assert isinstance(found, DeadlinePassed if late else asyncio.CancelledError)
        await until(lambda: not shop.head.running)
        assert (await worker.run(ToyRequest(3), person=1)).result == 6


@on_one_and_two
async def test_giving_up_between_steps_ends_a_request(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answer = worker.submit(ToyRequest(5, steps=50), person=1)
            await queued(worker, 1)
        await until(lambda: 5 in shop.head.values)
        answer.cancel()
        await outcomes([answer])
        for _ in range(60):  # it would have had its turns meanwhile
            await worker.run(ToyRequest(7), person=2)
    assert shop.head.values.count(5) < 50


async def test_cancelling_whoever_waits_cancels_the_request(shop: ToyShop) -> None:
    async with shop.open() as worker, shop.hold(worker):
        waiting = asyncio.create_task(worker.run(ToyRequest(5), person=1))
        await queued(worker, 1)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await until(lambda: worker.status().requests == 1)
        shop.head.gate.set()
        await worker.run(ToyRequest(6), person=2)
        assert 5 not in shop.head.values


# 4. One bad request never hurts its batch.


@on_one_and_two
async def test_a_bad_row_fails_alone(shop: ToyShop) -> None:
    def fault(values: list[int]) -> None:
        if 5 in values:
            raise ValueError("somebody's text")

    shop.head.fault = fault
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(1, 9)]
            await queued(worker, 8)
        found = await outcomes(answers)
    assert [type(one) for one in found].count(ModelFailed) == 1
    assert isinstance(found[4], ModelFailed)
    assert "somebody's text" not in found[4].sentence
    assert [one for one in found if not isinstance(one, ModelFailed)] == [
        2 * index for index in range(1, 9) if index != 5
    ]


@on_one_and_two
@pytest.mark.parametrize("repeatable", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("stage", ["calibrate", "prepare", "compute", "finish"])
async def test_a_failed_request_leaves_nothing_to_the_garbage_collector(
    shop: ToyShop, repeatable: bool, stage: str
) -> None:
    """Its error refers to the frames that it has passed, and these to the request and its checkpoint."""

    def fail(*values: Any) -> None:
        raise KeyError("somebody's text")

    request = ToyRequest(1, prepare=fail if stage == "prepare" else None, finish=fail if stage == "finish" else None)
    if stage in ("calibrate", "compute"):
        shop.head.fault = fail
    kept = weakref.ref(request)
    task = replace(CALIBRATED if stage == "calibrate" else TASK, repeatable=repeatable)
    async with open_worker(PRESET, shop._cache, tasks=[task], limits=GENEROUS, device=shop.devices) as worker:
        gc.disable()
        try:
            with pytest.raises(ModelFailed):
                await worker.run(request, person=1)
            del request
            await until(lambda: worker.status().rows_waiting == 0 and kept() is None, 2)
        finally:
            gc.enable()


async def test_one_bad_row_fails_its_request_once(shop: ToyShop) -> None:
    def fault(values: list[int]) -> None:
        raise ValueError

    shop.head.fault = fault
    async with shop.open() as worker:
        [found] = await outcomes([worker.submit(ToyRequest(1, rows=100), person=1)])
        assert isinstance(found, ModelFailed)
        await until(lambda: worker.status().rows_waiting == 0)
    # The first batch of each device, its halves, their halves and each row.
    assert len(shop.head.values) <= 8 * 4 * len(shop.devices)


@on_one_and_two
async def test_too_little_memory_for_a_batch(shop: ToyShop) -> None:
    tried = []

    def fault(values: list[int]) -> None:
        tried.append(len(values))
        if len(values) > 2 or 6 in values:
            raise torch.OutOfMemoryError("CUDA out of memory")

    shop.head.fault = fault
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(1, 9)]
            await queued(worker, 8)
        found = await outcomes(answers)
    assert max(tried) == 8
    assert isinstance(found[5], OutOfMemory)
    assert [one for one in found if not isinstance(one, OutOfMemory)] == [
        2 * index for index in range(1, 9) if index != 6
    ]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    ],
)
async def test_every_way_to_be_out_of_memory(shop: ToyShop, error: Exception) -> None:
    def fault(values: list[int]) -> None:
        raise error

    shop.head.fault = fault
    async with shop.open() as worker:
        with pytest.raises(OutOfMemory):
            await worker.run(ToyRequest(1), person=1)


async def test_an_operation_that_returns_too_little(shop: ToyShop) -> None:
    shop.head.outputs = lambda values: [2 * value for value in values][:1]
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(1, 9)]
            await queued(worker, 8)
        assert await outcomes(answers) == [2 * index for index in range(1, 9)]
        shop.head.outputs = lambda values: []
        with pytest.raises(ModelFailed):
            await worker.run(ToyRequest(1), person=1)


def divide() -> float:
    return 1 / 0


async def test_errors_of_preparing_and_finishing(shop: ToyShop, caplog: pytest.LogCaptureFixture) -> None:
    def invalid() -> None:
        raise InvalidRequest("Please shorten it.")

    def secret() -> None:
        raise KeyError("somebody's text")

    async with shop.open() as worker:
        with pytest.raises(InvalidRequest, match="shorten"):
            await worker.run(ToyRequest(1, prepare=invalid), person=1)
        for request in (ToyRequest(1, prepare=secret), ToyRequest(1, finish=secret), ToyRequest(1, finish=divide)):
            with pytest.raises(ModelFailed):
                await worker.run(request, person=1)
        assert (await worker.run(ToyRequest(4), person=1)).result == 8
    assert "KeyError" in caplog.text
    assert "somebody's text" not in caplog.text


# 5. No wait for company.


async def test_an_idle_device_starts_at_once(shop: ToyShop) -> None:
    async with shop.open() as worker, shop.hold(worker):
        assert shop.head.batches == [[0]]


async def test_a_busy_device_gathers(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=index) for index in range(64)]
            await queued(worker, 64)
        await outcomes(answers)
        status = worker.status()
    assert (status.batches, status.rows, status.waste) == (9, 65, 0.0)


@pytest.mark.may_block
@on_one_and_two
async def test_a_device_takes_its_next_batch_by_itself(shop: ToyShop) -> None:
    """However busy the event loop is."""
    async with shop.open() as worker, shop.hold(worker):
        answers = [worker.submit(ToyRequest(index, alone=True), person=index) for index in range(1, 6)]
        await queued(worker, 5)
        shop.head.gate.set()
        look_on_without_the_event_loop(lambda: len(shop.head.values) == len(shop.devices) + 5)
        assert not any(answer.done() for answer in answers)
        assert await outcomes(answers) == [2, 4, 6, 8, 10]


@pytest.mark.may_block
async def test_nothing_more_of_a_failed_request_runs_before_its_failure_is_told(shop: ToyShop) -> None:
    def fault(values: list[int]) -> None:
        if 1 in values:
            raise ValueError

    shop.head.fault = fault
    async with shop.open() as worker, shop.hold(worker):
        failing = worker.submit(ToyRequest(1, rows=100), person=1)
        await queued(worker, 100)
        other = worker.submit(ToyRequest(2, tokens=64), person=2)
        await queued(worker, 101)
        shop.head.gate.set()
        look_on_without_the_event_loop(lambda: 2 in shop.head.values)
        assert shop.head.values.count(1) == 8 * 4
        assert not failing.done()
        found = await outcomes([failing, other])
    assert isinstance(found[0], ModelFailed)
    assert found[1] == 4


def look_on_without_the_event_loop(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something is so, while the event loop does nothing."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@on_one_and_two
async def test_rows_of_different_operations_never_mix(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [
                worker.submit(ToyRequest(index, operation=("double", "second")[index % 2]), person=index)
                for index in range(40)
            ]
            await queued(worker, 40)
        await outcomes(answers)
    assert all(len({value % 2 for value in batch}) == 1 for batch in shop.head.batches)


@on_one_and_two
async def test_rows_that_want_no_company_get_none(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [
                worker.submit(ToyRequest(index, rows=3, alone=index == 7), person=index) for index in range(1, 20)
            ]
            await queued(worker, 57)
        await outcomes(answers)
    assert [7, 7, 7] in shop.head.batches
    assert all(len(set(batch)) == 1 for batch in shop.head.batches if 7 in batch)


# 6. Nobody starves.


@on_one_and_two
async def test_fifty_requests_do_not_delay_somebody_elses_one(shop: ToyShop) -> None:
    shop.head = ToyHead(Budget(1, rows=1))
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(1), person=1) for _ in range(50)]
            await queued(worker, 50)
            answers.append(worker.submit(ToyRequest(2), person=2))
            await queued(worker, 51)
        await outcomes(answers)
    # Each device has a row in hand, and takes another one before it comes to the newcomer's.
    assert shop.head.values.index(2) <= 5


@on_one_and_two
async def test_a_stream_of_newcomers_does_not_starve_a_second_request(shop: ToyShop) -> None:
    """Neither because of its length nor because others have had nothing yet."""
    shop.head.fault = lambda values: time.sleep(0.003)
    async with shop.open() as worker:
        async with shop.hold(worker):
            regular = [worker.submit(ToyRequest(2, tokens=60), person=1) for _ in range(2)]
            await queued(worker, 2)
            newcomers = [worker.submit(ToyRequest(1, tokens=8), person=index) for index in range(10, 30)]
            await queued(worker, 22)
        for index in range(30, 100):
            if all(answer.done() for answer in regular):
                break
            newcomers += [worker.submit(ToyRequest(1, tokens=8), person=10 * index + more) for more in range(8)]
            await until(lambda: worker.status().requests < 30)
        assert all(answer.done() for answer in regular)
        await outcomes([*regular, *newcomers])


async def test_operations_take_turns(shop: ToyShop) -> None:
    shop.head = ToyHead(Budget(1, rows=1))
    shop.head.fault = lambda values: time.sleep(0.002)
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(1), person=index) for index in range(40)]
            await queued(worker, 40)
            answers += [worker.submit(ToyRequest(2, operation="second"), person=50 + index) for index in range(10)]
            await queued(worker, 50)
        await outcomes(answers)
    assert shop.head.values[:30].count(2) == 10


# 7. The event loop never blocks.


@on_one_and_two
async def test_the_event_loop_stays_free(shop: ToyShop) -> None:
    """Each preparation, batch and finish waits until the event loop has done something."""
    loop = asyncio.get_running_loop()

    def wait_for_the_loop(values: object = None) -> None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE)

    shop.head.fault = wait_for_the_loop
    async with shop.open() as worker:
        requests = [ToyRequest(1, prepare=wait_for_the_loop, finish=wait_for_the_loop, rows=4) for _ in range(100)]
        assert await outcomes([worker.submit(request, person=1) for request in requests]) == [8] * 100


async def test_work_is_done_on_threads(shop: ToyShop) -> None:
    names: list[str] = []

    def note(values: object = None) -> None:
        names.append(threading.current_thread().name)

    shop.head.fault = note
    async with shop.open() as worker:
        await worker.run(ToyRequest(1, prepare=note, finish=note), person=1)
    assert [name.rsplit("_")[0] for name in names] == ["glassbox-prepare", "glassbox-cpu", "glassbox-prepare"]


# 8. Shutdown drains.


@on_one_and_two
async def test_shutdown_answers_what_runs_and_tells_the_rest(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker) as held:
            waiting = [worker.submit(ToyRequest(index), person=index) for index in range(1, 30)]
            await queued(worker, 29)
            late = worker.submit(ToyRequest(99), person=99)
            closing = asyncio.create_task(worker.aclose())
            await turns()
            with pytest.raises(ShuttingDown):
                worker.submit(ToyRequest(7), person=7)
            assert not closing.done()
        await asyncio.wait_for(closing, PATIENCE)
        found = await outcomes([*waiting, late])
        assert all(isinstance(one, ShuttingDown) for one in found)
        assert await outcomes([held]) == [0]
    assert shop.head.values == [0] * len(shop.devices)


@on_one_and_two
async def test_what_has_begun_is_finished_at_shutdown(shop: ToyShop) -> None:
    """A request of which some rows, or an earlier step, have run is answered."""
    shop.head.gate.clear()
    async with shop.open() as worker:
        answer = worker.submit(ToyRequest(1, rows=20, steps=3), person=1)
        await until(lambda: shop.head.running)
        closing = asyncio.create_task(worker.aclose())
        await turns()
        shop.head.gate.set()
        await asyncio.wait_for(closing, PATIENCE)
        assert await outcomes([answer]) == [120]


async def test_shutdown_while_preparing(shop: ToyShop) -> None:
    began, gate = threading.Event(), threading.Event()

    def prepare() -> None:
        began.set()
        gate.wait(PATIENCE)

    async with shop.open() as worker:
        answer = worker.submit(ToyRequest(1, prepare=prepare), person=1)
        await until(began.is_set)
        closing = asyncio.create_task(worker.aclose())
        await turns()
        gate.set()
        await asyncio.wait_for(closing, PATIENCE)
        [found] = await outcomes([answer])
    assert isinstance(found, ShuttingDown)


@on_one_and_two
async def test_shutdown_while_loading(shop: ToyShop) -> None:
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(PATIENCE)
        return shop.head

    shop.load = load
    async with shop.open() as worker:
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(5)]
        await until(lambda: shop.loads == 1)
        closing = asyncio.create_task(worker.aclose())
        just_accepted = worker.submit(ToyRequest(9), person=9)  # begins after the shutdown has
        await asyncio.wait_for(closing, PATIENCE)
        found = await outcomes([*answers, just_accepted])
        gate.set()
    assert all(isinstance(one, ShuttingDown) for one in found)


@on_one_and_two
async def test_what_takes_too_long_to_finish_is_told_at_shutdown(shop: ToyShop, timers: Timers) -> None:
    async with shop.open(Limits(seconds=2 * FAR, drain_seconds=FAR)) as worker:
        answer = worker.submit(ToyRequest(1, operation="endless"), person=1)
        await until(lambda: shop.head.running)
        closing = asyncio.create_task(worker.aclose())
        await turns()
        assert not answer.done()
        await timers.skip()
        await asyncio.wait_for(closing, PATIENCE)
        assert not shop.head.running
        [found] = await outcomes([answer])
    assert isinstance(found, ShuttingDown)


async def test_whoever_gives_up_during_the_shutdown_is_just_cancelled(shop: ToyShop) -> None:
    async with shop.open() as worker, shop.hold(worker) as held:
        closing = asyncio.create_task(worker.aclose())
        await turns()
        held.cancel()
        [found] = await outcomes([held])
        assert isinstance(found, asyncio.CancelledError)
        shop.head.gate.set()
        await asyncio.wait_for(closing, PATIENCE)


async def test_shutdown_of_an_idle_worker_that_never_loaded(shop: ToyShop) -> None:
    async with shop.open() as worker:
        pass
    with pytest.raises(Refused):
        worker.submit(ToyRequest(1), person=1)
    assert shop.loads == 0


# Models.


async def test_requests_wait_for_a_model_that_loads(shop: ToyShop) -> None:
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(PATIENCE)
        return shop.head

    shop.load = load
    async with shop.open() as worker:
        assert worker.task_state("toy").phase is Phase.WAITING
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(5)]
        await until(lambda: worker.task_state("toy").phase is Phase.LOADING)
        left = worker.task_state("toy").seconds_left
        assert left is not None
        assert left >= 1
        answers[0].cancel()
        gate.set()
        assert (await outcomes(answers))[1:] == [2, 4, 6, 8]
        assert worker.task_state("toy").phase is Phase.READY
        assert worker.task_state("toy").seconds_left is None
        assert worker.status().models["toy"].phase is Phase.READY
    assert shop.loads == 1


async def test_a_model_that_takes_too_long(shop: ToyShop, timers: Timers) -> None:
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(PATIENCE)
        return shop.head

    shop.load = load
    async with shop.open(Limits(loading_seconds=FAR)) as worker:
        answer = worker.submit(ToyRequest(1), person=1)
        await until(lambda: shop.loads == 1)
        await timers.skip()
        [found] = await outcomes([answer])
        assert isinstance(found, DeadlinePassed)
        gate.set()
        assert (await worker.run(ToyRequest(1), person=1)).result == 2


@pytest.mark.parametrize("error", [ModelUnavailable("Not there."), OSError("/secret/path")])
async def test_a_model_that_cannot_be_loaded_is_tried_again(shop: ToyShop, error: Exception) -> None:
    gate = threading.Event()

    def fail() -> ToyHead:
        gate.wait(PATIENCE)
        raise error

    shop.load = fail
    async with shop.open() as worker:
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(5)]
        await until(lambda: shop.loads == 1)
        gate.set()
        found = await outcomes(answers)
        assert all(isinstance(one, ModelUnavailable) for one in found)
        assert not any("secret" in one.sentence for one in found)
        assert shop.loads == 1
        assert worker.task_state("toy").phase is Phase.FAILED
        shop.load = lambda: shop.head
        again = worker.submit(ToyRequest(3), person=1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert worker.task_state("toy").phase is not Phase.FAILED
        assert await outcomes([again]) == [6]
    assert shop.loads == 2


@on_one_and_two
async def test_a_calibration_runs_once_for_all(shop: ToyShop) -> None:
    async with shop.open(calibrate=True) as worker:
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(5)]
        assert await outcomes(answers) == [0, 2, 4, 6, 8]
        assert (await worker.run(ToyRequest(6), person=1)).result == 12
    assert shop.head.values.count(CALIBRATION) == 1
    assert shop.head.values[0] == CALIBRATION


async def test_a_calibration_that_failed_is_tried_again(shop: ToyShop) -> None:
    shop.head.fault = lambda values: divide()
    async with shop.open(calibrate=True) as worker:
        found = await outcomes([worker.submit(ToyRequest(index), person=index) for index in range(3)])
        assert all(isinstance(one, ModelFailed) for one in found)
        shop.head.fault = lambda values: None
        assert (await worker.run(ToyRequest(6), person=1)).result == 12


@on_one_and_two
async def test_an_impatient_person_does_not_cancel_a_calibration(shop: ToyShop) -> None:
    shop.head.gate.clear()
    async with shop.open(calibrate=True) as worker:
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(2)]
        await until(lambda: shop.head.running)
        answers[0].cancel()
        assert await answers[0].wait(PATIENCE)
        shop.head.gate.set()
        assert (await outcomes(answers))[1] == 2


async def test_whoever_waits_too_long_for_a_calibration_is_told(shop: ToyShop, timers: Timers) -> None:
    shop.head.gate.clear()
    async with shop.open(Limits(seconds=FAR), calibrate=True) as worker:
        answers = [worker.submit(ToyRequest(index), person=index) for index in range(3)]
        loading = asyncio.create_task(worker.load(["toy"]))
        await until(lambda: shop.head.running)
        await turns()
        await timers.skip()
        found = await outcomes(answers)
        assert all(isinstance(one, DeadlinePassed) for one in found)
        with pytest.raises(DeadlinePassed):
            await loading
        shop.head.gate.set()
        assert (await worker.run(ToyRequest(6), person=1)).result == 12
    assert shop.head.values == [CALIBRATION, 6]


async def test_shutdown_while_preloading(shop: ToyShop, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def load() -> ToyHead:
        gate.wait(PATIENCE)
        return shop.head

    shop.load = load
    async with shop.open() as worker:
        preloading = asyncio.create_task(worker.preload())
        await until(lambda: shop.loads == 1)
        await asyncio.wait_for(worker.aclose(), PATIENCE)
        await asyncio.wait_for(preloading, PATIENCE)
        gate.set()
    assert "not available" not in caplog.text


async def test_shutdown_while_preloading_calibrates(shop: ToyShop, caplog: pytest.LogCaptureFixture) -> None:
    shop.head.gate.clear()
    async with shop.open(calibrate=True) as worker:
        preloading = asyncio.create_task(worker.preload())
        await until(lambda: shop.head.running)
        closing = asyncio.create_task(worker.aclose())
        await turns()
        shop.head.gate.set()
        await asyncio.wait_for(closing, PATIENCE)
        await asyncio.wait_for(preloading, PATIENCE)
    assert "not available" not in caplog.text


async def test_a_checkpoint_that_cannot_be_preloaded_is_logged(shop: ToyShop, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> ToyHead:
        raise ModelUnavailable("Not there.")

    shop.load = fail
    async with shop.open() as worker:
        await worker.preload()
    assert "/toy is not available: Not there." in caplog.text


async def test_what_fails_ahead_of_time_is_logged_without_its_text(
    shop: ToyShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("swordfish")

    async with shop.open() as worker:
        monkeypatch.setattr(worker, "load", fail)
        assert not worker.status().preloaded
        await worker.preload()
        assert worker.status().preloaded
    [record] = [one for one in caplog.records if "ahead of time" in one.message]
    assert record.message.startswith("the checkpoint for /toy could not be loaded ahead of time: RuntimeError at ")
    assert "swordfish" not in caplog.text


async def test_a_remembered_answer_has_waited_for_nobody(shop: ToyShop) -> None:
    task = replace(TASK, repeatable=True)
    async with open_worker(PRESET, shop._cache, tasks=[task], limits=GENEROUS, device=shop.devices) as worker:
        first = await worker.run(ToyRequest(1, rows=3), person=1)
        again = await worker.run(ToyRequest(1, rows=3), person=2)
    assert (first.rows, again.rows, again.waited) == (3, 0, 0)
    assert first.waited > 0


async def test_shutdown_during_a_calibration_that_nobody_waits_for(shop: ToyShop) -> None:
    shop.head.gate.clear()
    async with shop.open(calibrate=True) as worker:
        answer = worker.submit(ToyRequest(1), person=1)
        await until(lambda: shop.head.running)
        answer.cancel()
        closing = asyncio.create_task(worker.aclose())
        await turns()
        shop.head.gate.set()
        await asyncio.wait_for(closing, PATIENCE)


# The loop of the device survives anything.


@on_one_and_two
async def test_the_queue_survives_its_own_failures(shop: ToyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop.open() as worker:
        for name in ("queue.run_isolated", "scheduler.gather", "scheduler.padding_waste"):
            with monkeypatch.context() as patch:
                patch.setattr(f"bot.inference.scheduling.{name}", lambda *arguments: divide())
                [found] = await outcomes([worker.submit(ToyRequest(1), person=1)])
                assert isinstance(found, ModelFailed) or found == 2, name
            assert (await worker.run(ToyRequest(3), person=1)).result == 6


@on_one_and_two
@pytest.mark.parametrize("tokens", [0, 1, 10**9])
async def test_rows_of_any_length(shop: ToyShop, tokens: int) -> None:
    async with shop.open() as worker:
        found = await outcomes(
            [worker.submit(ToyRequest(1, tokens=tokens, rows=3), person=index) for index in range(5)]
        )
    assert found == [6] * 5


async def test_status(shop: ToyShop) -> None:
    async with shop.open() as worker:
        async with shop.hold(worker):
            answers = [worker.submit(ToyRequest(index), person=1) for index in range(4)]
            await queued(worker, 4)
            status = worker.status()
            assert (status.requests, status.rows_waiting, status.device) == (5, 4, "cpu")
        await outcomes(answers)
        assert worker.status().requests == worker.status().rows_waiting == 0


@pytest.mark.measured_elsewhere
@on_one_and_two
async def test_nothing_grows(shop: ToyShop) -> None:
    async with shop.open() as worker:
        for _ in range(5):
            await outcomes([worker.submit(ToyRequest(1, alone=index % 2 == 0), person=index) for index in range(400)])
        internals: InferenceWorker = worker
        await until(lambda: not internals._people)
        assert not internals._accepted
        assert not internals._people
        # The devices' threads look once more after the last batch.
        await until(
            lambda: not internals._queue._scheduler._groups and len(internals._queue._scheduler._clocks[False]) == 0
        )


def test_limits_are_sane() -> None:
    assert GENEROUS.loading_seconds < 15 * 60
    assert PRESET.checkpoints["toy"].name == "Toy"
