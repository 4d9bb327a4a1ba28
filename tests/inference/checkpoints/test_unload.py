"""An operator unloads and loads checkpoints, and nobody's request is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bot.errors import ModelUnavailable
from bot.inference.backend import CheckpointControl
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.cogs.pacing import held_after
from tests.inference.toys import until

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]


def phase(worker: InferenceWorker, task: str) -> Phase:
    return worker.status().models[task].phase


async def test_an_unload_waits_for_those_who_use_it_and_later_ones_load_it_again(
    make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker:
        with held_after(monkeypatch, 3) as go_on:
            text = worker.submit(GenerateRequest("I love", max_new_tokens=8, seed=1), person=1)
            await until(
                lambda: phase(worker, "generate") is Phase.READY and worker.status().models["generate"].requests > 0
            )
            unload = asyncio.create_task(worker.unload_checkpoint("generate"))
            later = [
                worker.submit(GenerateRequest("I hate", max_new_tokens=4, seed=seed), person=2 + seed)
                for seed in range(3)
            ]
            await asyncio.sleep(0.05)
            assert not unload.done()
            assert not text.done()
            go_on.set()
            answers = await asyncio.gather(text, *later)
            await unload
        assert all(answer.result.continuations for answer in answers)
        assert worker.status().evictions == 0  # nobody needed the room


async def test_what_was_unloaded_frees_its_memory_and_comes_back(make_worker: OpenWorker) -> None:
    async with make_worker() as worker:
        assert isinstance(worker, CheckpointControl)
        await worker.load_checkpoint("sentiment")
        before = worker.status()
        assert before.models["sentiment"].phase is Phase.READY
        await worker.unload_checkpoint(before.models["sentiment"].name)
        after = worker.status()
        assert after.models["sentiment"].phase is Phase.EVICTED
        assert after.devices[0].weight_bytes == before.devices[0].weight_bytes - before.models["sentiment"].bytes
        await worker.unload_checkpoint("sentiment")  # there is nothing to do
        assert (await worker.run(SentimentRequest("I love apples"), person=1)).result.scores
        assert phase(worker, "sentiment") is Phase.READY


async def test_there_must_be_one(make_worker: OpenWorker) -> None:
    async with make_worker() as worker:
        for change in (worker.load_checkpoint, worker.unload_checkpoint):
            with pytest.raises(ModelUnavailable):
                await change("nonsense")
