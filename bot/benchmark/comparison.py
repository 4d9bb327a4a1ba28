"""One task, measured: the worker and the naive bot take turns, so that noise hits both equally."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import torch

from bot.benchmark.load import Ask, Run, closed_loop
from bot.benchmark.naive import naive
from bot.benchmark.options import Effort
from bot.benchmark.report import Figures, TaskReport
from bot.benchmark.workload import Workload
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.sources import fetch
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.compute.device import Device
from bot.inference.heads.head import Head
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.inference.task import HeadKind
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.generate import GenerateRequest, GenerateResult

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A task with a checkpoint on a device."""

    workload: Workload
    spec: CheckpointSpec
    device: Device
    cache: Path

    @contextlib.asynccontextmanager
    async def open_worker(self, users: int) -> AsyncIterator[tuple[InferenceWorker, HeadKind]]:
        """Open a worker with the checkpoint loaded; raise `ModelUnavailable` if that fails, or doesn't fit the task."""
        name = self.workload.name
        pool = CheckpointPool(Preset("benchmark", "One checkpoint", {name: self.spec}, {}), self.device, self.cache)
        limits = Limits(requests=2 * users, per_person=2, seconds=3_600)
        async with InferenceWorker([self.workload.task], pool, self.device, limits) as worker:
            await worker.load([name])
            yield worker, (await pool.get(name)).head.kind

    def load(self, precision: str, *, packed: bool) -> Head:
        """Load a calibrated copy of the checkpoint, which leaves the worker's own alone."""
        state = CheckpointState(self.spec)
        device = Device(self.device.name, precision)
        head = load_head(fetch(self.spec, self.cache, state), device, state.languages, packed=packed)
        if (calibration := self.workload.task.calibration(head)) is not None:
            run_task(calibration)
        return head


@dataclass(frozen=True)
class Contender:
    """The worker under a load, or a naive bot."""

    name: str
    users: int
    ask: Ask

    async def run(self, workload: Workload, number: int) -> Run:
        """Answer the next requests of a workload."""
        gc.collect()  # not within the measured time
        return await closed_loop(self.ask, workload.take(number), self.users)

    async def number(self, workload: Workload, effort: Effort) -> int:
        """Warm up, and return how many requests a run should have."""
        run = await self.run(workload, 2)
        if run.seconds < 1:
            run = await self.run(workload, effort.number(0, max(4, self.users)))
        return effort.number(effort.seconds * run.rate, self.users)


async def compare(subject: Subject, users: Sequence[int], effort: Effort, say: Say) -> TaskReport:
    """Measure one task; raise `ModelUnavailable` if the checkpoint can't be had, or can't do it."""
    workload, device = subject.workload, subject.device
    say(f"{workload.name}: loading {subject.spec.name}")
    with contextlib.ExitStack() as threads:
        async with subject.open_worker(max(users)) as (worker, kind):
            loads = [Contender(worker_at(number), number, partial(_ask_worker, worker)) for number in sorted(users)]
            numbers = {one: await one.number(workload, effort) for one in loads}
            # Before the naive bot's copies of the checkpoint are loaded.
            memory = psutil.Process().memory_info().rss / 1e6
            on_gpu = torch.cuda.max_memory_allocated(device.name) / 1e6 if device.name.startswith("cuda") else None
            for precision in dict.fromkeys((device.precision, "float32")):
                rival = await _naive_bot(subject, precision, threads, say)
                numbers[rival] = await rival.number(workload, effort)
            runs: dict[str, list[Run]] = {one.name: [] for one in numbers}
            for number in range(effort.rounds):
                for one in numbers:
                    say(f"{workload.name}: round {number + 1} of {effort.rounds}, {one.name}")
                    runs[one.name].append(await one.run(workload, numbers[one]))
    about = workload.name, subject.spec.name, kind, device.name, device.precision, memory, on_gpu
    return TaskReport(*about, tuple(Figures.of(who, measured) for who, measured in runs.items()))


async def _naive_bot(subject: Subject, precision: str, threads: contextlib.ExitStack, say: Say) -> Contender:
    say(f"{subject.workload.name}: loading {subject.spec.name} in {precision} for the naive bot")
    answer = naive(subject.workload.task, await asyncio.to_thread(subject.load, precision, packed=False))
    thread = threads.enter_context(ThreadPoolExecutor(1, thread_name_prefix="benchmark-naive"))

    async def ask(request: Request[object], person: int) -> int | None:
        tokens = await asyncio.get_running_loop().run_in_executor(thread, answer, request)
        return tokens if isinstance(request, GenerateRequest) else None  # as they are counted of the worker

    return Contender(naive_in(precision), 1, ask)


async def _ask_worker(worker: InferenceWorker, request: Request[object], person: int) -> int | None:
    result = (await worker.run(request, person=person)).result
    return sum(one.tokens for one in result.continuations) if isinstance(result, GenerateResult) else None


def worker_at(users: int) -> str:
    """Return the name of the worker under the load of so many people."""
    return f"worker, {users} user{'' if users == 1 else 's'}"


def naive_in(precision: str, threads: int = 1) -> str:
    """Return the name of a naive bot."""
    return f"naive {precision}" + (f", {threads} threads" if threads > 1 else "")
