"""One task, measured: the worker, the naive bots and the limit take turns, so that noise meets all of them alike."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.benchmark.contender import AllAtOnce, Contender, OneAtATime, WorkerUnderLoad
from bot.benchmark.corpus import BLOCK
from bot.benchmark.limit import Offline, offline
from bot.benchmark.memory import Memory, peak_memory
from bot.benchmark.naive import naive
from bot.benchmark.turn import Turn
from bot.benchmark.workload import Workload
from bot.inference.catalogue import CheckpointSpec, Preset
from bot.inference.device import Device
from bot.inference.heads.base import Head
from bot.inference.loading import load_head
from bot.inference.models import Models, ModelState
from bot.inference.requests import Request
from bot.inference.sources import fetch
from bot.inference.steps import run_steps
from bot.inference.task import HeadKind
from bot.inference.worker import InferenceWorker, Limits

Say = Callable[[str], None]

WORKER, DIRECT, LIMIT = "worker", "direct call", "limit"
THREADS = 4
"""Of the naive bot that has several."""


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Attributes:
        seconds: about how long one contender's turn takes.
        rounds: how many turns each contender has.
        requests: how many the worker and the limit answer in a turn, rather than for so many seconds.
        rough: turns may be so short that the lengths of the texts in them are not mixed as they are in all.
    """

    seconds: float = 5.0
    rounds: int = 3
    requests: int | None = None
    rough: bool = False

    @classmethod
    def quick(cls) -> Effort:
        """Enough to see that everything works, and roughly how fast."""
        return cls(seconds=1.0, rounds=1, rough=True)

    def number(self, wanted: float, users: int = 1) -> int:
        """How many requests a turn has, where so many are wanted: whole blocks, and some for every user."""
        if self.rough:
            return max(2, users, round(wanted))
        least = 3 * users if users > 1 else 1
        return BLOCK * max(round(wanted / BLOCK), -(-least // BLOCK))


@dataclass
class Contest:
    """What was measured of one task.

    Attributes:
        turns: by contender, the turn of each round.
        memory: of the bot alone, under its greatest load, before the others were loaded.
        batch: the size that was best for the limit, and what it counts.
    """

    task: str
    checkpoint: str
    head: HeadKind
    device: Device
    users: Sequence[int]
    memory: Memory
    batch: tuple[int, str] = (0, "")
    turns: dict[str, list[Turn]] = field(default_factory=dict)


def worker_at(users: int) -> str:
    """The name of the worker under the load of so many people."""
    return f"{WORKER}, {users} user{'' if users == 1 else 's'}"


def naive_in(precision: str, threads: int = 1) -> str:
    """The name of a naive bot."""
    return f"naive {precision}" + (f", {threads} threads" if threads > 1 else "")


async def hold(
    workload: Workload,
    spec: CheckpointSpec,
    device: Device,
    cache: Path,
    users: Sequence[int],
    effort: Effort,
    say: Say,
) -> Contest:
    """Measure one task.

    Raises:
        ModelUnavailable: the checkpoint cannot be had, or cannot do this task.
    """
    say(f"{workload.name}: loading {spec.name}")
    async with open_worker(workload, spec, device, cache, max(users)) as (worker, models):
        head = (await models.get(workload.name)).head
        tally = workload.tally if workload.generates(head.kind) else None
        loaded = {worker_at(number): WorkerUnderLoad(worker, number, tally) for number in sorted(users)}
        say(f"{workload.name}: warming up, {max(users)} users")
        with peak_memory(device.name) as memory:
            await loaded[worker_at(max(users))].take_turn(workload.take(effort.number(0, max(users))))
        contest = Contest(workload.name, spec.name, head.kind, device, users, memory)
        others, limit, best = await _others(workload, spec, device, cache, contest, effort, say)
        # Who is compared stands side by side.
        (first, lone), *loads = loaded.items()
        contenders: dict[str, Contender] = {first: lone, **others, **dict(loads), LIMIT: limit}
        with _closing(contenders.values()):
            numbers = await _numbers(contenders, workload, effort, best, say)
            # It has the worker's requests, and no batch that is not full.
            most = max(numbers[name] for name in loaded)
            numbers[LIMIT] = limit.size * -(-most // limit.size)
            for number in range(effort.rounds):
                title = f"{workload.name}: round {number + 1} of {effort.rounds}"
                await _round(contenders, numbers, workload, contest, partial(_with_title, say, title))
    return contest


@contextlib.contextmanager
def _closing(contenders: Iterable[Contender]) -> Iterator[None]:
    try:
        yield
    finally:
        for contender in contenders:
            contender.close()


def _with_title(say: Say, title: str, name: str) -> None:
    say(f"{title}, {name}")


@contextlib.asynccontextmanager
async def open_worker(
    workload: Workload, spec: CheckpointSpec, device: Device, cache: Path, users: int
) -> AsyncIterator[tuple[InferenceWorker, Models]]:
    """A worker for one task, which takes requests of so many people, with the checkpoint loaded."""
    preset = Preset("benchmark", "One checkpoint", {workload.name: spec}, {})
    models = Models(preset, device, cache)
    limits = Limits(requests=2 * users, per_person=2, seconds=3_600)
    async with InferenceWorker([workload.task], models, device, limits) as worker:
        await worker.load([workload.name])
        yield worker, models


async def _others(
    workload: Workload, spec: CheckpointSpec, device: Device, cache: Path, contest: Contest, effort: Effort, say: Say
) -> tuple[dict[str, Contender], AllAtOnce, float]:
    """The naive bots, the limit and its requests a second, with copies of the checkpoint of their own."""
    precisions = dict.fromkeys(["float32", device.precision])
    heads = {}
    for precision in precisions:
        say(f"{workload.name}: loading {spec.name} in {precision}")
        heads[precision] = await asyncio.to_thread(_copy, workload, spec, Device(device.name, precision), cache)
    own = heads[device.precision]
    limit = offline(workload.task, own)
    best, rate = await _best(limit, workload, effort, say)
    contest.batch = best.size, limit.unit
    others: dict[str, Contender] = {DIRECT: OneAtATime(lambda request: limit.run([request], 1))}
    for precision, head in heads.items():
        others[naive_in(precision)] = OneAtATime(naive(workload.task, head))
    others[naive_in(device.precision, THREADS)] = OneAtATime(naive(workload.task, own), THREADS)
    return others, best, rate


def _copy(workload: Workload, spec: CheckpointSpec, device: Device, cache: Path) -> Head:
    """The checkpoint, loaded anew: the worker may have changed its own to be faster."""
    state = ModelState(spec)
    head = load_head(fetch(spec, cache, state), device, state.languages)
    if (calibrate := workload.task.calibrations.get(head.kind)) is not None:
        run_steps(calibrate(head))
    return head


async def _best(limit: Offline, workload: Workload, effort: Effort, say: Say) -> tuple[AllAtOnce, float]:
    """The limit in its best batch size, and its requests a second."""
    candidates = [AllAtOnce(limit, size) for size in limit.sizes]
    rate = await _warm_up(candidates[0], workload)
    wanted = effort.number(min(300, effort.seconds * rate))
    requests = workload.take(max(limit.sizes) * -(-wanted // max(limit.sizes)))
    rates = dict.fromkeys(candidates, 0.0)
    for candidate in candidates * (1 if effort.rough or len(candidates) == 1 else 2):
        say(f"{workload.name}: the limit in batches of {candidate.size} {limit.unit}")
        rates[candidate] = max(rates[candidate], (await candidate.take_turn(requests)).rate)
    best = max(rates, key=lambda candidate: rates[candidate])
    for candidate in candidates:
        if candidate is not best:
            candidate.close()
    return best, rates[best]


async def _warm_up(contender: Contender, workload: Workload) -> float:
    """Let somebody answer a few requests; returns about how many in a second."""
    first = await contender.take_turn(workload.take(2))
    return first.rate if first.seconds > 1 else (await contender.take_turn(workload.take(BLOCK))).rate


async def _numbers(
    contenders: Mapping[str, Contender], workload: Workload, effort: Effort, best: float, say: Say
) -> dict[str, int]:
    """How many requests each contender has in a turn, after everybody has warmed up."""
    numbers = {}
    for name, contender in contenders.items():
        if contender.parallel:
            wanted = effort.requests or effort.seconds * best
        else:
            say(f"{workload.name}: warming up, {name}")
            wanted = effort.seconds * await _warm_up(contender, workload)
            wanted = min(wanted, effort.requests or wanted)
        numbers[name] = effort.number(wanted, contender.users)
    return numbers


async def _round(
    contenders: Mapping[str, Contender], numbers: Mapping[str, int], workload: Workload, contest: Contest, say: Say
) -> None:
    """A turn of everybody. The worker always has new texts, and those who come after it have the same."""
    requests: list[Request[Any]] = []
    for name, contender in contenders.items():
        say(name)
        if isinstance(contender, WorkerUnderLoad):
            requests = workload.take(numbers[name])
        elif len(requests) < numbers[name]:
            requests += workload.take(numbers[name] - len(requests))
        gc.collect()
        contest.turns.setdefault(name, []).append(await contender.take_turn(requests[: numbers[name]]))
