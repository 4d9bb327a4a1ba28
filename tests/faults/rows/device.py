"""Faults of the device and of what computes on it: passes that fail, and passes that cannot be true."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bot.errors import DeviceFailed, DeviceGone, ModelFailed, NotFinite, OutOfMemory
from bot.inference.worker import Limits
from tests.faults import poison
from tests.faults.asking import Crowd, Ends, Judge, doubled, toy, toys
from tests.faults.every_command import opened_real, requests
from tests.faults.fault import Fault
from tests.faults.tally import Tally
from tests.inference.toys import PRESET, TASK, ToyHead, ToyRequest, queued
from tests.support import device_held, open_worker
from tests.timers import PATIENCE

PEOPLE = 40
LIMITS = Limits(requests=1_000, per_person=100, seconds=PATIENCE)
SPELLINGS: tuple[Exception, ...] = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    MemoryError(),
)
GONE = "CUDA error: device-side assert triggered"


@asynccontextmanager
async def opened(head: ToyHead) -> AsyncIterator[Crowd]:
    """People who ask a worker whose only checkpoint is this toy."""
    with tempfile.TemporaryDirectory() as cache, toys(lambda: head):
        ends = Ends()
        async with open_worker(PRESET, Path(cache), tasks=[TASK], limits=LIMITS, observer=ends) as worker:
            await worker.load(["toy"])
            yield Crowd(worker, ends)


async def together(crowd: Crowd, right: Judge) -> None:
    """Let all ask while the device is held, so that they share batches; and then one more, who must be answered."""
    async with device_held(crowd.worker):
        crowd.ask([ToyRequest(index) for index in range(PEOPLE)])
        await queued(crowd.worker, PEOPLE)
    await crowd.wait(right)


def faulty(fault: Callable[[int], Callable[[list[int]], object]], right: Judge) -> Callable[[int], Any]:
    """Return what makes passes fail, so many times.

    Args:
        fault: makes what is called with the numbers of each pass, given how often the fault was made before.
    """

    async def drive(times: int) -> Tally:
        tally = Tally()
        for number in range(times):
            head = toy()
            async with opened(head) as crowd:
                head.fault = fault(number)
                await together(crowd, right)
                head.fault = lambda values: None
                await crowd.good(ToyRequest(7), doubled)
                tally += crowd.end()
        return tally

    return drive


def _short(number: int) -> Callable[[list[int]], object]:
    def fault(values: list[int]) -> None:
        if len(values) > 4:
            raise SPELLINGS[number % len(SPELLINGS)]

    return fault


def _culprits(culprits: set[int], error: Callable[[], BaseException], number: int) -> Callable[[list[int]], object]:
    def fault(values: list[int]) -> None:
        if culprits & set(values):
            raise error()

    return fault


def _only(culprits: set[int]) -> Judge:
    def right(request: Any, outcome: object) -> bool:
        return bool(isinstance(outcome, ModelFailed) if request.value in culprits else outcome == 2 * request.value)

    return right


def _answered(request: Any, outcome: object) -> bool:
    return bool(outcome == 2 * request.value)


def _too_large(request: Any, outcome: object) -> bool:
    return isinstance(outcome, OutOfMemory)


def _no_memory(number: int) -> Callable[[list[int]], object]:
    def fault(values: list[int]) -> None:
        raise SPELLINGS[number % len(SPELLINGS)]

    return fault


async def tokenizer_fails(times: int) -> Tally:
    """The tokenizer raises an error for one text, and something worse for another."""
    tally = Tally()
    for _ in range(times):
        async with opened(toy()) as crowd:

            def fail(error: BaseException) -> None:
                raise error

            bad = {3: partial(fail, ValueError("a text")), 5: partial(fail, SystemExit(3))}
            crowd.ask([ToyRequest(index, prepare=bad.get(index)) for index in range(PEOPLE)])
            await crowd.wait(_only({3, 5}))
            await crowd.good(ToyRequest(7), doubled)
            tally += crowd.end()
    return tally


async def device_gone(times: int) -> Tally:
    """All passes fail from now on: all are told, readiness turns red, and a new process answers."""
    tally = Tally()

    def fault(values: list[int]) -> None:
        raise RuntimeError(GONE)

    for _ in range(times):
        head = toy()
        async with opened(head) as crowd:
            broken = asyncio.create_task(crowd.worker.until_broken())
            head.fault = fault
            await together(crowd, lambda request, outcome: isinstance(outcome, DeviceFailed))
            [error] = await asyncio.gather(broken, return_exceptions=True)
            crowd.tally.lost += not isinstance(error, DeviceGone) or crowd.worker.status().accepting
            crowd.ask([ToyRequest(1)])  # refused, with a sentence
            tally += crowd.end()
        async with opened(toy()) as crowd:
            await crowd.good(ToyRequest(7), doubled)
            tally += crowd.end(tried=0)
    return tally


async def not_finite(times: int) -> Tally:
    """Every command, and Show the work of each, with one bad number in each matrix."""
    tally = Tally()
    for number in range(times):
        bad = (float("nan"), float("inf"))[number % 2]
        async with opened_real(bad) as crowd:
            crowd.ask(requests())
            await crowd.wait(lambda request, outcome: isinstance(outcome, NotFinite))
            tally += crowd.end()
        async with opened_real(None) as crowd:
            await crowd.good(requests()[0])
            tally += crowd.end(tried=0)
    return tally


async def poisoned(times: int) -> Tally:
    """A text that makes passes fail arrives again and again: only its own person is told."""
    async with poison.opened() as worker:
        found = await poison.measure(worker, people=4, seconds=times * poison.EVERY_SECONDS, every=poison.EVERY_SECONDS)
    answered = len(found.texts) + len(found.classified)
    return Tally(times, answered + found.poisoned, answered, told=found.poisoned)


FAULTS: tuple[Fault, ...] = (
    Fault("memory-short", "out of memory above 4 rows, in three spellings", faulty(_short, _answered), 30, 3),
    Fault("memory-none", "out of memory, even for one row", faulty(_no_memory, _too_large), 30, 3),
    Fault("row-fails", "one of forty rows fails", faulty(partial(_culprits, {9}, ValueError), _only({9})), times=30),
    Fault(
        "rows-fail",
        "five of forty rows fail",
        faulty(partial(_culprits, {1, 2, 17, 30, 39}, ValueError), _only({1, 2, 17, 30, 39})),
        times=30,
    ),
    Fault(
        "exit-on-device",
        "SystemExit on the device's thread",
        faulty(partial(_culprits, {9}, SystemExit), _only({9})),
        times=30,
    ),
    Fault("tokenizer-fails", "a tokenizer fails for one text, SystemExit for another", tokenizer_fails, times=30),
    Fault("device-gone", "a CUDA assertion in every pass", device_gone, times=30),
    Fault("poison", "a text that fails arrives every 0.3 s while others are written", poisoned, 20, slow=True),
    Fault("not-finite", "NaN or infinite logits, for every command and its work", not_finite, 4, 2, slow=True),
)
