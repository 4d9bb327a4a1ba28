"""Threads that hang: in a pass, a tokenizer, a load, a fetch; once, and again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.errors import NotResponding, ShuttingDown
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.scheduling.watchdog import CHECKS
from bot.inference.worker import InferenceWorker, Limits
from tests.faults.asking import Crowd, Ends, doubled, toy, toys
from tests.faults.fault import Fault
from tests.faults.tally import Tally
from tests.inference.toys import PRESET, TASK, ToyHead, ToyRequest, until
from tests.support import CPU
from tests.timers import FAR, PATIENCE

ROOT = Path(__file__).parents[3]
PEOPLE = 25
REQUESTS = [ToyRequest(index) for index in range(PEOPLE)]
BROKEN = 70


@dataclass(eq=False)
class Hang:
    """Something that hangs once, until the end.

    Attributes:
        clock: seconds, which pass only when the test says so.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    clock: float = 0.0

    def __call__(self, *_: Any) -> None:
        if not self.begun.is_set():
            self.begun.set()
            self.gate.wait(PATIENCE)

    async def is_noticed(self, worker: InferenceWorker) -> None:
        """Wait until something hangs, and let so much time pass that it is said to."""
        await until(self.begun.is_set)
        for _ in range(CHECKS + 1):
            worker.look_for_hangs()
            self.clock += FAR / CHECKS
        worker.look_for_hangs()


@asynccontextmanager
async def opened(hang: Hang, load: Callable[[], ToyHead], fetch: Callable[..., Path] | None) -> AsyncIterator[Crowd]:
    """People who ask a worker in which something hangs."""
    limits = Limits(
        requests=1_000, seconds=FAR, hang_seconds=FAR, loading_seconds=FAR, drain_seconds=0.2, preparing_threads=2
    )
    with tempfile.TemporaryDirectory() as cache, toys(load, fetch):
        ends = Ends()
        pool = CheckpointPool(PRESET, CPU, Path(cache))
        worker = InferenceWorker([TASK], pool, CPU, limits, lambda: hang.clock, ends)
        try:
            async with worker:
                yield Crowd(worker, ends)
        finally:
            hang.gate.set()


def _told(request: Any, outcome: object) -> bool:
    return isinstance(outcome, NotResponding) or doubled(request, outcome)


async def once(hang: Hang, requests: list[ToyRequest], load: Callable[[], ToyHead] = toy, fetch: Any = None) -> Tally:
    """Let it hang, tell everybody who waits, and answer the next one."""
    async with opened(hang, load, fetch) as crowd:
        crowd.ask(requests)
        await hang.is_noticed(crowd.worker)
        await crowd.wait(_told)
        await crowd.good(ToyRequest(7), doubled)
        return crowd.end()


def hanging_head(hang: Hang) -> ToyHead:
    """Load a head whose passes hang."""
    head = toy()
    head.fault = hang
    return head


async def a_pass(times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        hang = Hang()
        tally += await once(hang, REQUESTS, partial(hanging_head, hang))
    return tally


async def a_tokenizer(times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        hang = Hang()
        tally += await once(hang, [ToyRequest(index, prepare=hang) for index in range(PEOPLE)])
    return tally


async def a_load(times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        hang = Hang()

        def load(hang: Hang = hang) -> ToyHead:
            hang()
            return toy()

        tally += await once(hang, REQUESTS, load)
    return tally


async def a_fetch(times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        hang = Hang()

        def fetch(spec: Any, cache: Path, progress: Any, hang: Hang = hang) -> Path:
            progress.report("download", 1, 2)
            hang()
            return cache

        tally += await once(hang, REQUESTS, fetch=fetch)
    return tally


async def a_stop(times: int) -> Tally:
    """A stop while a pass hangs: everybody is told, and it ends although the thread does not."""
    tally = Tally()
    for _ in range(times):
        hang = Hang()
        async with opened(hang, partial(hanging_head, hang), None) as crowd:
            crowd.ask(REQUESTS)
            await until(hang.begun.is_set)
            await crowd.worker.aclose()
            crowd.tally.lost += hang.gate.is_set()
            await crowd.wait(lambda request, outcome: isinstance(outcome, ShuttingDown))
            tally += crowd.end()
    return tally


async def twice(times: int) -> Tally:
    """A real process whose model hangs again ends by itself, with a status of its own."""
    tally = Tally()
    for _ in range(times):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-m", "tests.inference.scheduling.hanging_process", cache, "2"]
            ended = await asyncio.to_thread(
                subprocess.run,
                command,
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        told = ended.stdout.count("NotResponding")
        tally += Tally(1, 2, told=told, lost=2 - told + (ended.returncode != BROKEN))
    return tally


FAULTS: tuple[Fault, ...] = (
    Fault("hang-pass", "a forward pass hangs", a_pass, times=20),
    Fault("hang-tokenizer", "a tokenizer hangs", a_tokenizer, times=20),
    Fault("hang-load", "a load hangs", a_load, times=20),
    Fault("hang-fetch", "a fetch hangs", a_fetch, times=20),
    Fault("hang-stop", "a stop while a pass hangs", a_stop, times=10),
    Fault("hang-twice", "a model hangs twice: the process ends with status 70", twice, times=3, slow=True),
)
