"""Checkpoints are evicted when others need their memory, and loaded again when they are used."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.errors import ModelFailed, ModelUnavailable
from bot.inference.checkpoints import freeing
from bot.inference.checkpoints import pool as loading
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.checkpoints.pool import CheckpointPool, EvictionNeeded
from bot.inference.checkpoints.weights import expected_bytes
from bot.inference.compute.collection import collect_everything, leave_out
from bot.inference.requests import Request
from bot.inference.scheduling.replicas import operations_of
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks import task_names
from bot.tasks.chat import ChatRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.cogs.pacing import held_after
from tests.inference.toys import until
from tests.support import COURSE, CPU, under_way
from tests.timers import PATIENCE, turns

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

REQUESTS: dict[str, Request[Any]] = {
    "sentiment": SentimentRequest("I love apples"),
    "fill": FillRequest("I love [MASK]."),
    "generate": GenerateRequest("I love", max_new_tokens=8, seed=1),
    "translate": TranslateRequest("Good morning", "de", "en"),
    "zeroshot": ZeroShotRequest("I love apples", ("food", "music")),
}
LONG = GenerateRequest("I love apples and", max_new_tokens=300, top_p=0.01)

ONE_AT_A_TIME = MemoryLimits({"cpu": 1})


def limit_of(size: int) -> MemoryLimits:
    return MemoryLimits({"cpu": size})


@pytest.fixture
def sizes(checkpoints: Mapping[str, Path]) -> dict[str, int]:
    """Expected bytes by task, in float32."""
    return {task: expected_bytes(checkpoints[name], 4) for task, name in COURSE.items()}


def ready(worker: InferenceWorker) -> set[str]:
    """Which of the tasks that are asked here have their checkpoint loaded; some share one with others."""
    return {task for task, one in worker.status().models.items() if one.phase is Phase.READY and task in REQUESTS}


@pytest.mark.measured_elsewhere
async def test_checkpoints_come_back_with_the_same_answers(make_worker: OpenWorker) -> None:
    tasks = ("sentiment", "generate", "translate")
    async with make_worker() as worker:
        expected = {task: (await worker.run(REQUESTS[task], person=1)).result for task in tasks}
        assert worker.status().evictions == 0
    async with make_worker(room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        for _ in range(2):
            for task in tasks:
                assert (await worker.run(REQUESTS[task], person=1)).result == expected[task], task
                status = worker.status()
                assert ready(worker) == {task}
                assert status.devices[0].weight_bytes == status.models[task].bytes > 0
                assert status.devices[0].memory_limit == 1
        assert status.evictions == 2 * len(tasks) - 1


async def test_the_least_recently_used_is_evicted(make_worker: OpenWorker, sizes: Mapping[str, int]) -> None:
    enough = sizes["sentiment"] + sizes["fill"] + sizes["zeroshot"]
    async with make_worker(room=limit_of(enough - 1), limits=Limits(remembered=0)) as worker:
        for task in ("sentiment", "fill", "sentiment"):
            await worker.run(REQUESTS[task], person=1)
        assert ready(worker) == {"sentiment", "fill"}
        await worker.run(REQUESTS["zeroshot"], person=1)
        assert ready(worker) == {"sentiment", "zeroshot"}
        status = worker.status()
        assert (status.models["fill"].phase, status.models["fill"].bytes) == (Phase.EVICTED, 0)
        assert status.evictions == 1


@pytest.mark.measured_elsewhere
async def test_no_garbage_is_looked_for_to_free_one(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(freeing, "collect_everything", lambda: collected.append(1))
    async with make_worker(device=[CPU, CPU], room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        gc.collect()
        gc.disable()
        try:
            for task in REQUESTS:
                await worker.run(REQUESTS[task], person=1)
                async with worker._pool.lease(task) as model:
                    traces = [weakref.ref(one) for head in model.heads for one in (head, *head.model.parameters())]
                del model
                await worker._pool.unload(worker._pool.checkpoint(task))
                assert not [trace for trace in traces if trace() is not None], task
        finally:
            gc.enable()
    assert not collected


@pytest.mark.measured_elsewhere
async def test_nothing_of_it_stays_in_memory(make_worker: OpenWorker) -> None:
    async with make_worker(device=[CPU, CPU], room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        for task, other in (("generate", "sentiment"), ("translate", "sentiment")):
            await worker.run(REQUESTS[task], person=1)
            async with worker._pool.lease(task) as model:
                traces = [weakref.ref(one) for head in model.heads for one in (head, *head.model.parameters())]
            del model
            leave_out()  # as after loading ahead of time
            await worker.run(REQUESTS[other], person=1)
            collect_everything()  # a thread may still have held it when it was evicted
            assert not [trace for trace in traces if trace() is not None], task
        async with worker._pool.lease("sentiment") as model:
            assert len(worker._queue._scheduler.replicas) == len(operations_of(model.head))


@pytest.mark.parametrize(
    "request_for_it",
    [
        ChatRequest("Hello!", channel_id=1, speaker="Alice"),
        SummarizeRequest("I love apples. They are sour.", "short"),
        EntitiesRequest("Ann lives in Berlin."),
        FillRequest("I love ___."),
        SentimentRequest("I love apples"),
        ZeroShotRequest("I love apples", ("food", "music")),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_no_calibration_keeps_a_head_in_memory(
    make_worker: OpenWorker, make_preset: Callable[..., Preset], request_for_it: Request[Any]
) -> None:
    """What is known of a checkpoint, such as its chat template, survives an eviction; the head does not."""
    task = task_names()[type(request_for_it)]
    preset = make_preset(**{task: "llama", "similarity": "minilm"})
    async with make_worker(preset, room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        await worker.run(request_for_it, person=1)
        async with worker._pool.lease(task) as model:
            trace, calibrations = weakref.ref(model.head), model.head.calibrations
        del model
        await worker.run(SimilarityRequest(("I love apples", "I love music")), person=1)
        gc.collect()
        assert calibrations._outcomes
        assert trace() is None


async def test_nothing_of_one_that_failed_stays_in_memory(
    make_worker: OpenWorker, make_preset: Callable[..., Preset]
) -> None:
    """Errors remember where they happened, and with that the checkpoint: also that of a calibration."""
    preset = make_preset(sentiment="llama", fill="roberta")
    async with make_worker(preset, room=ONE_AT_A_TIME) as worker:
        async with worker._pool.lease("sentiment") as model:
            model.head.model.forward = None
            trace = weakref.ref(model.head)
        del model
        gc.disable()  # the eviction's own collection must do
        try:
            with pytest.raises(ModelFailed):
                await worker.run(REQUESTS["sentiment"], person=1)
            await worker.run(REQUESTS["fill"], person=1)
            assert trace() is None
        finally:
            gc.enable()


async def test_a_remembered_answer_needs_no_checkpoint(make_worker: OpenWorker) -> None:
    async with make_worker(room=ONE_AT_A_TIME) as worker:
        answer = await worker.run(REQUESTS["sentiment"], person=1)
        await worker.run(REQUESTS["fill"], person=1)
        again = await worker.run(REQUESTS["sentiment"], person=2)
        assert (again.result, again.device, again.precision) == (answer.result, "cpu", "float32")
        assert ready(worker) == {"fill"}


def _pending_evictions(worker: InferenceWorker) -> int:
    """Count the checkpoints whose eviction is pending."""
    return sum(not pooled.leasable.is_set() for pooled in worker._pool.checkpoints)


async def test_a_leased_one_is_evicted_when_its_requests_are_answered(
    make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that arrive during a pending eviction wait until the other checkpoint has been used."""
    async with make_worker(room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        with held_after(monkeypatch, 20):
            long = worker.submit(LONG, person=1)
            await under_way(long)
            others = worker.submit(REQUESTS["sentiment"], person=2)
            await until(lambda: _pending_evictions(worker) == 1)
            assert not others.done()
            assert not long.done()
            assert ready(worker) == {"generate"}
            late = worker.submit(REQUESTS["generate"], person=3)
            await turns()
        assert (await long).result.continuations[0].tokens == 300
        await others
        assert not late.done()
        await late
        assert ready(worker) == {"generate"}


async def test_two_that_do_not_fit_together_are_both_answered(make_worker: OpenWorker) -> None:
    async with make_worker(room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        requests: list[Request[Any]] = [
            *(SentimentRequest(f"I love {index}") for index in range(15)),
            *(FillRequest(f"I love [MASK] {index}.") for index in range(15)),
        ]
        answers = await asyncio.gather(*(worker.run(one, person=index) for index, one in enumerate(requests)))
        assert len(answers) == 30
        assert worker.status().evictions <= 4
        assert all(one.requests == 0 for one in worker.status().checkpoints)


async def test_one_that_is_larger_than_the_limit(make_worker: OpenWorker) -> None:
    async with make_worker(room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        for task in ("sentiment", "fill", "sentiment"):
            await worker.run(REQUESTS[task], person=1)
            assert ready(worker) == {task}


async def test_preloading_loads_what_fits(
    make_worker: OpenWorker, sizes: Mapping[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with make_worker(room=limit_of(int(1.05 * (sizes["sentiment"] + sizes["fill"])))) as worker:
        await worker.preload()
        status = worker.status()
        assert {"sentiment", "fill"} <= ready(worker)
        assert status.evictions == 0
        assert status.models["zeroshot"].phase is Phase.WAITING
        assert "no room" in caplog.text
        assert "ERROR" not in caplog.text
        await worker.run(REQUESTS["zeroshot"], person=1)
        assert "zeroshot" in ready(worker)


async def test_somebody_who_asks_while_it_is_preloaded(
    course: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gets it, in the place of another one."""
    gate, sized = threading.Event(), threading.Event()

    def held(folder: Path, element: int) -> int:
        sized.set()
        assert gate.wait(PATIENCE)
        return expected_bytes(folder, element)

    models = CheckpointPool(course, CPU, tmp_path, ONE_AT_A_TIME)
    await models.get("sentiment")
    monkeypatch.setattr(loading, "expected_bytes", held)

    async def preload() -> None:
        async with models.lease("fill", may_evict=False):
            pass

    preloading = asyncio.create_task(preload())
    await asyncio.to_thread(sized.wait, PATIENCE)
    asking = asyncio.create_task(models.get("fill"))
    await asyncio.sleep(0)
    gate.set()
    assert (await asking).spec.name == "tiny-roberta"
    await preloading
    with pytest.raises(EvictionNeeded):
        async with models.lease("sentiment", may_evict=False):
            pass
    assert models.state("sentiment").phase is Phase.EVICTED
    await models.aclose()


async def test_calibrations_are_kept(make_worker: OpenWorker, make_preset: Callable[..., Preset]) -> None:
    preset = make_preset(sentiment="llama", fill="roberta")
    async with make_worker(preset, room=ONE_AT_A_TIME, limits=Limits(remembered=0)) as worker:
        first = (await worker.run(REQUESTS["sentiment"], person=1)).result
        before = worker.status().rows
        await worker.run(REQUESTS["sentiment"], person=1)
        lone = worker.status().rows - before
        await worker.run(REQUESTS["fill"], person=1)
        assert ready(worker) == {"fill"}
        before = worker.status().rows
        assert (await worker.run(REQUESTS["sentiment"], person=1)).result == first
        assert worker.status().rows - before == lone


class TestOutOfMemory:
    """While a checkpoint is loaded."""

    @pytest.fixture
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        """Errors of the next loads."""
        errors: list[Exception] = []

        def limited(*arguments: Any) -> Any:
            if errors:
                error = errors.pop(0)
                raise ModelUnavailable("Damaged.") from error
            return load_head(*arguments)

        monkeypatch.setattr(loading, "load_head", limited)
        return errors

    async def test_evicts_the_others_and_tries_again(self, make_worker: OpenWorker, failing: list[Exception]) -> None:
        async with make_worker() as worker:
            await worker.run(REQUESTS["sentiment"], person=1)
            failing.append(torch.OutOfMemoryError("CUDA out of memory"))
            await worker.run(REQUESTS["fill"], person=1)
            assert ready(worker) == {"fill"}
            await worker.run(SentimentRequest("Lemons"), person=1)
            assert ready(worker) == {"fill", "sentiment"}

    async def test_is_told_when_that_does_not_help(self, make_worker: OpenWorker, failing: list[Exception]) -> None:
        async with make_worker() as worker:
            failing += [MemoryError()] * 2
            with pytest.raises(ModelUnavailable, match=r"tiny-roberta is too large for the memory.*PRECISION"):
                await worker.run(REQUESTS["fill"], person=1)
            assert worker.status().models["fill"].phase is Phase.FAILED
            assert worker.status().models["fill"].requests == 0
            await worker.run(REQUESTS["fill"], person=1)

    async def test_never_evicts_for_a_preload(self, make_worker: OpenWorker, failing: list[Exception]) -> None:
        async with make_worker() as worker:
            await worker.load(["sentiment"])
            failing.append(MemoryError())
            with pytest.raises(EvictionNeeded):
                await worker.load(["fill"], may_evict=False)
            assert ready(worker) == {"sentiment"}

    async def test_other_failures_are_told_as_they_are(self, make_worker: OpenWorker, failing: list[Exception]) -> None:
        async with make_worker() as worker:
            failing.append(ValueError())
            with pytest.raises(ModelUnavailable, match="Damaged"):
                await worker.run(REQUESTS["fill"], person=1)
            assert failing == []


async def test_a_failure_reserves_no_memory(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise ValueError

    async with make_worker(room=ONE_AT_A_TIME) as worker:
        with monkeypatch.context() as patch:
            patch.setattr(loading, "load_head", fail)
            with pytest.raises(ModelUnavailable):
                await worker.run(REQUESTS["fill"], person=1)
        assert worker.status().devices[0].weight_bytes == 0
        await worker.run(REQUESTS["sentiment"], person=1)


async def test_shutdown_during_a_pending_eviction(make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_worker(room=ONE_AT_A_TIME) as worker:
        with held_after(monkeypatch, 20):
            long = worker.submit(GenerateRequest("I love", max_new_tokens=100, top_p=0.01), person=1)
            await under_way(long)
            waiting = worker.submit(REQUESTS["sentiment"], person=2)
            await until(lambda: _pending_evictions(worker) == 1)
            closing = asyncio.create_task(worker.aclose())
            await turns()
        await asyncio.wait_for(closing, PATIENCE)
        assert (await long).result.continuations[0].tokens == 100
        with pytest.raises(Exception, match="restarted"):
            await waiting


async def test_eviction_waits_for_what_nobody_waits_for(make_worker: OpenWorker) -> None:
    """A batch whose request was given up is still on the device."""
    async with make_worker(room=ONE_AT_A_TIME) as worker:
        await worker.load(["sentiment"])
        gate = threading.Event()
        async with worker._pool.lease("sentiment") as model:
            forward = model.head.model.forward

            def held(*arguments: Any, **options: Any) -> Any:
                assert gate.wait(PATIENCE)
                return forward(*arguments, **options)

            model.head.model.forward = held
        del model
        answer = worker.submit(REQUESTS["sentiment"], person=1)
        await until(lambda: bool(worker._queue._runners[0].computing))
        answer.cancel()
        other = worker.submit(REQUESTS["fill"], person=1)
        await until(lambda: _pending_evictions(worker) == 1)
        await turns()
        assert ready(worker) == {"sentiment"}
        gate.set()
        await other
        assert ready(worker) == {"fill"}
