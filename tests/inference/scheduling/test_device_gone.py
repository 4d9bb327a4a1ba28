"""A device that has failed for good is noticed at once: everybody is told, and the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import DeviceFailed, DeviceGone, ModelFailed, ModelUnavailable, ShuttingDown
from bot.inference.compute.device_faults import is_final, still_computes
from bot.inference.scheduling import queue
from bot.tasks.generate import GenerateRequest
from tests.inference.toys import ToyHead, ToyRequest, ToyShop, outcomes, queued
from tests.timers import PATIENCE

pytestmark = pytest.mark.measured_elsewhere

FINAL = [
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: unspecified launch failure",
    "CUDA error: uncorrectable ECC error encountered",
]
PASSING = ["CUDA error: invalid configuration argument", "device-side assert is a phrase", "shape mismatch"]


@pytest.mark.parametrize("text", FINAL)
def test_errors_from_which_no_device_recovers(text: str) -> None:
    assert is_final(RuntimeError(text))
    assert not is_final(ValueError(text))


@pytest.mark.parametrize("text", PASSING)
def test_errors_that_pass(text: str) -> None:
    assert not is_final(RuntimeError(text))


def test_a_device_that_is_there_computes() -> None:
    assert still_computes("cpu")
    assert still_computes("meta:nothing") is False


def assertion(*_: Any) -> None:
    raise RuntimeError(FINAL[0])


async def test_everybody_is_told_and_the_worker_is_broken(shop: ToyShop, caplog: pytest.LogCaptureFixture) -> None:
    """Those of the batch after one pass, whatever its size; and those who wait behind it without another."""
    async with shop.open() as worker:
        broken = asyncio.create_task(worker.until_broken())
        async with shop.hold(worker) as held:
            same = [worker.submit(ToyRequest(index), person=index) for index in range(1, 30)]
            other = worker.submit(ToyRequest(1, operation="second"), person=99)
            await queued(worker, 30)
            shop.head.fault = assertion
        found = await outcomes(held, *same, other)
        assert [type(one) for one in found] == [DeviceFailed] * 31
        assert "not because of your text" in found[0].sentence
        with pytest.raises(DeviceGone, match="only a new process"):
            await asyncio.wait_for(broken, PATIENCE)
        assert not worker.status().accepting  # so readiness is red
        with pytest.raises(ShuttingDown):
            worker.submit(ToyRequest(1), person=1)
    assert len(shop.head.batches) == 1
    assert "a device computes nothing more" in caplog.text


async def test_texts_that_are_being_written(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        model = await worker._pool.get("generate")
        requests = [GenerateRequest("I love", max_new_tokens=200 + index, top_p=0.01) for index in range(4)]
        passes = 0

        def fail(*_: Any) -> None:
            nonlocal passes
            passes += 1
            if passes > 20:
                raise RuntimeError(FINAL[1])

        model.head.model.register_forward_pre_hook(fail)
        answers = [worker.submit(request, person=index) for index, request in enumerate(requests)]
        assert [type(one) for one in await outcomes(*answers)] == [DeviceFailed] * 4
        assert passes == 21
        assert not worker.status().accepting


async def test_a_device_that_fails_without_a_word(shop: ToyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a pass raises, the device is asked to add two numbers."""
    asked: list[str] = []

    def computes(name: str) -> bool:
        asked.append(name)
        return len(asked) == 1

    def fail(values: list[int]) -> None:
        raise ValueError("somebody's text")

    monkeypatch.setattr(queue, "still_computes", computes)
    async with shop.open() as worker:
        shop.head.fault = fail
        assert [type(one) for one in await outcomes(worker.submit(ToyRequest(1), person=1))] == [ModelFailed]
        assert worker.status().accepting
        assert [type(one) for one in await outcomes(worker.submit(ToyRequest(1), person=1))] == [DeviceFailed]
        assert not worker.status().accepting
    assert asked == ["cpu", "cpu"]


async def test_a_device_that_is_gone_when_something_is_loaded(shop: ToyShop) -> None:
    def load() -> ToyHead:
        raise ModelUnavailable("damaged") from RuntimeError(FINAL[3])

    shop.load = load
    async with shop.open() as worker:
        with pytest.raises((ModelUnavailable, DeviceFailed)):
            await worker.run(ToyRequest(1), person=1)
        with pytest.raises(DeviceGone):
            await asyncio.wait_for(worker.until_broken(), PATIENCE)
