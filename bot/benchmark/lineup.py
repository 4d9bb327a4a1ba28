"""Who is measured in a contest, with the copies of the checkpoint that they need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.benchmark.contender import AllAtOnce, Contender, OneAtATime, WorkerUnderLoad
from bot.benchmark.corpus import BLOCK
from bot.benchmark.limit import Offline, direct_call, offline
from bot.benchmark.manager import ManagerUnusable, TransformersManager
from bot.benchmark.naive import naive
from bot.benchmark.server import ServerBeside
from bot.benchmark.workload import Workload
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.sources import fetch
from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import packed_bytes
from bot.inference.heads.head import Head
from bot.inference.operations import run_task
from bot.inference.status import CheckpointState
from bot.inference.task import HeadKind
from bot.inference.worker import InferenceWorker, Limits

Say = Callable[[str], None]

WORKER, DIRECT, LIMIT = "worker", "direct call", "limit"
STATIC_SIZE = 16
STATIC = f"static batch of {STATIC_SIZE}, plain"
MANAGER = "transformers' manager"
BESIDE = "server beside"
THREADS = 4
"""Of the naive bot that has several."""


@dataclass(frozen=True)
class Subject:
    """A task with a checkpoint on a device."""

    workload: Workload
    spec: CheckpointSpec
    device: Device
    cache: Path

    async def load(self, precision: str, *, packed: bool) -> Head:
        """A copy of the checkpoint, calibrated: the worker's own stays the worker's."""
        return await asyncio.to_thread(self._load, Device(self.device.name, precision), packed)

    def _load(self, device: Device, packed: bool) -> Head:
        state = CheckpointState(self.spec)
        head = load_head(fetch(self.spec, self.cache, state), device, state.languages, packed=packed)
        if (calibrate := self.workload.task.calibrations.get(head.kind)) is not None:
            run_task(calibrate(head))
        return head


@dataclass(frozen=True)
class Lineup:
    """Who is measured, besides the worker.

    Attributes:
        direct: one call after the other of the same model as the worker's.
        naive: by name.
        batched: by name, those who compute many requests together, as the worker does.
        limit: of the same model as the worker's.
        notes: what a reader must know about them.
    """

    direct: Contender
    naive: dict[str, Contender]
    batched: dict[str, Contender]
    limit: Offline
    notes: list[str] = field(default_factory=list)


def worker_at(users: int) -> str:
    """The name of the worker under the load of so many people."""
    return f"{WORKER}, {users} user{'' if users == 1 else 's'}"


def naive_in(precision: str, threads: int = 1) -> str:
    """The name of a naive bot."""
    return f"naive {precision}" + (f", {threads} threads" if threads > 1 else "")


@contextlib.asynccontextmanager
async def open_worker(subject: Subject, users: int) -> AsyncIterator[tuple[InferenceWorker, CheckpointPool]]:
    """A worker for one task, which takes requests of so many people, with the checkpoint loaded."""
    workload, device = subject.workload, subject.device
    preset = Preset("benchmark", "One checkpoint", {workload.name: subject.spec}, {})
    models = CheckpointPool(preset, device, subject.cache)
    limits = Limits(requests=2 * users, per_person=2, seconds=3_600)
    async with InferenceWorker([workload.task], models, device, limits) as worker:
        await worker.load([workload.name])
        yield worker, models


def workers(subject: Subject, worker: InferenceWorker, kind: HeadKind, users: list[int]) -> dict[str, Contender]:
    """The worker under each load, by name."""
    tally = subject.workload.tally if subject.workload.generates(kind) else None
    return {worker_at(number): WorkerUnderLoad(worker, number, tally) for number in users}


async def line_up(
    subject: Subject, users: int, beside: str | None, say: Say, opened: contextlib.AsyncExitStack
) -> Lineup:
    """Everybody but the worker.

    Args:
        users: the largest number of people who ask at once.
        beside: the address of a server, which is asked where texts are generated.
        opened: closes them at its end.

    Raises:
        ModelUnavailable: the checkpoint cannot be had.
        SettingsError: there is no such server.
    """
    workload, task, precision = subject.workload, subject.workload.task, subject.device.precision
    say(f"{workload.name}: loading {subject.spec.name} for the comparison")
    own = await subject.load(precision, packed=True)
    plain = {precision: await subject.load(precision, packed=False) if packed_bytes(own.model) else own}
    if precision != "float32":
        say(f"{workload.name}: loading {subject.spec.name} in float32")
        plain = {"float32": await subject.load("float32", packed=False), **plain}

    one_at_a_time: dict[str, Contender] = {}
    for name, head in plain.items():
        one_at_a_time[naive_in(name)] = OneAtATime(naive(task, head))
    one_at_a_time[naive_in(precision, THREADS)] = OneAtATime(naive(task, plain[precision]), THREADS)
    lineup = Lineup(OneAtATime(direct_call(task, own)), one_at_a_time, {}, offline(task, own))
    if workload.generates(own.kind):
        lineup.batched[STATIC] = AllAtOnce(offline(task, plain[precision]), STATIC_SIZE)
    if workload.name == "generate" and own.kind is HeadKind.CAUSAL_LM:
        await _add_manager(lineup, plain[precision], users, workload, say)
        if beside is not None:
            await _add_server(lineup, beside, users, workload, say)
    for contender in (lineup.direct, *lineup.naive.values(), *lineup.batched.values()):
        opened.push_async_callback(contender.aclose)
    return lineup


async def _add_manager(lineup: Lineup, head: Head, users: int, workload: Workload, say: Say) -> None:
    say(f"{workload.name}: {MANAGER}")
    try:
        lineup.batched[MANAGER] = await TransformersManager.open(head, users, _shortest(workload))
    except ManagerUnusable as error:
        lineup.notes.append(f"Left out: {MANAGER} cannot run this checkpoint ({error}).")


async def _add_server(lineup: Lineup, address: str, users: int, workload: Workload, say: Say) -> None:
    say(f"{workload.name}: {BESIDE}")
    server = await ServerBeside.open(address, users, _shortest(workload))
    lineup.batched[BESIDE] = server
    ending = "" if server.same_work else ", which may end texts early and has its own sampling"
    lineup.notes.append(f"The {BESIDE}: {server.model or 'unnamed'} at {address}{ending}.")


def _shortest(workload: Workload) -> Any:
    requests: list[Any] = list(workload.take(BLOCK))
    return min(requests, key=lambda request: len(request.prompt))
