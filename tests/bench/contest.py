"""One task, measured: the worker, the naive bots and what sets the limit take turns, so that noise hits all equally."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.benchmark.comparison import Say, worker_at
from bot.inference.compute.device import Device
from bot.inference.requests import Request
from bot.inference.task import HeadKind
from tests.bench.agreement import differences
from tests.bench.contender import AllAtOnce, Contender, WorkerUnderLoad
from tests.bench.lineup import (
    BESIDE,
    DIRECT,
    LLAMA,
    MANAGER,
    OWN,
    STATIC,
    Guests,
    Lineup,
    Subject,
    line_up,
    workers,
)
from tests.bench.memory import Memory, peak_memory, quick_collections
from tests.bench.options import Effort
from tests.bench.pairs import alternate
from tests.bench.run import Run
from tests.bench.tuning import Tuned, tuned, warm_up
from tests.bench.workload import Workload

NOBODY = Guests()


@dataclass
class Contest:
    """What was measured of one task.

    Attributes:
        runs: by contender, the run of each round.
        lone_ratios: the lone user's latency divided by that of the direct call, of each text.
        memory: of the bot alone, under its greatest load, before the other contenders were loaded.
        offline: by name, the settings of contenders that know all requests beforehand.
        exact: names of contenders that may set the limit: they round no more than the worker does.
        notes: remarks for the reader.
    """

    task: str
    checkpoint: str
    head: HeadKind
    device: Device
    users: Sequence[int]
    memory: Memory
    offline: dict[str, str] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    runs: dict[str, list[Run]] = field(default_factory=dict)
    lone_ratios: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def hold(subject: Subject, users: Sequence[int], effort: Effort, say: Say, guests: Guests = NOBODY) -> Contest:
    """Measure one task.

    Args:
        guests: contenders that are not of this repository.

    Raises:
        ModelUnavailable: the checkpoint cannot be had, or cannot do this task.
        SettingsError: there is no such server.
    """
    workload, most = subject.workload, max(users)
    say(f"{workload.name}: loading {subject.spec.name}")
    async with contextlib.AsyncExitStack() as opened:
        worker, kind = await opened.enter_async_context(subject.open_worker(most))
        loaded = workers(subject, worker, kind, sorted(users))
        say(f"{workload.name}: warming up, {most} users")
        with peak_memory(subject.device.name) as memory:
            await loaded[worker_at(most)].run(workload.take(effort.number(0, most)))
        lineup = await line_up(subject, most, guests, say, opened)
        offline = await _tuned(lineup, workload, effort, say, opened)
        contest = Contest(workload.name, subject.spec.name, kind, subject.device, users, memory)
        contest.offline.update({name: one.about for name, one in offline.items()})
        contest.exact.update(_exact(lineup, offline, subject.device.precision))
        contest.notes.extend(lineup.notes)
        contest.notes.extend(await differences(lineup.reference, offline, workload, say))
        contenders = _in_order(loaded, lineup, offline)
        numbers = await _numbers(contenders, workload, effort, offline[OWN].rate, say)
        with quick_collections():
            for number in range(effort.rounds):
                title = f"{workload.name}: round {number + 1} of {effort.rounds}"
                await _round(contenders, numbers, workload, contest, partial(_with_title, say, title))
    return contest


async def _tuned(
    lineup: Lineup, workload: Workload, effort: Effort, say: Say, opened: contextlib.AsyncExitStack
) -> dict[str, Tuned]:
    """Return the engines at their best, by name; those that cannot run the checkpoint are named in a note."""
    found: dict[str, Tuned] = {}
    for engine in lineup.engines:
        try:
            found[engine.name] = await tuned(engine, workload, effort, say)
        except Exception as error:  # of other people's code, which may raise anything
            if engine.name == OWN:
                raise
            lineup.notes.append(f"Left out: {engine.name} cannot run this checkpoint ({type(error).__name__}).")
            continue
        opened.push_async_callback(found[engine.name].contender.aclose)
    return found


def _exact(lineup: Lineup, offline: Mapping[str, Tuned], precision: str) -> Iterator[str]:
    yield from (name for name, one in offline.items() if one.engine.is_as_exact_as(precision))
    yield from (name for name in lineup.batched if name != BESIDE)  # whose precision is its own affair


def _in_order(loaded: Mapping[str, Contender], lineup: Lineup, offline: Mapping[str, Tuned]) -> dict[str, Contender]:
    # Contenders that are compared run one after the other.
    lone = {name: one for name, one in loaded.items() if one.users == 1}
    loads = {name: one for name, one in loaded.items() if one.users > 1}
    direct = {DIRECT: lineup.direct} if lone else {}
    engines = {name: one.contender for name, one in offline.items()}
    return {**lone, **direct, **lineup.naive, **loads, **lineup.batched, **engines}


def _with_title(say: Say, title: str, name: str) -> None:
    say(f"{title}, {name}")


async def _numbers(
    contenders: Mapping[str, Contender], workload: Workload, effort: Effort, best: float, say: Say
) -> dict[str, int]:
    """Warm all contenders up, and return how many requests each has in a run.

    Args:
        best: requests per second of our own layers offline. Tuned contenders are warm already.
    """
    numbers = {}
    most = 0
    for name, contender in contenders.items():
        if not contender.parallel:
            say(f"{workload.name}: warming up, {name}")
            wanted = effort.seconds * await warm_up(contender, workload, effort)
            numbers[name] = effort.number(min(wanted, effort.requests or wanted), contender.users)
            most = max(most, numbers[name]) if name == worker_at(1) else most
            continue
        if name in (STATIC, MANAGER, LLAMA, BESIDE):
            say(f"{workload.name}: warming up, {name}")
            await contender.run(workload.take(effort.number(0, contender.users)))
        wanted = effort.number(effort.requests or effort.seconds * best, contender.users)
        most = max(most, wanted)
        # Those that know all requests beforehand get the worker's, and only full batches.
        numbers[name] = contender.size * -(-most // contender.size) if isinstance(contender, AllAtOnce) else wanted
    return numbers


async def _round(
    contenders: Mapping[str, Contender], numbers: Mapping[str, int], workload: Workload, contest: Contest, say: Say
) -> None:
    """Run every contender once. The worker gets new texts, which the contenders after it get too."""
    requests: list[Request[object]] = []
    for name, contender in contenders.items():
        if name == DIRECT:  # it has run already, with the lone user
            continue
        say(name)
        if isinstance(contender, WorkerUnderLoad):
            requests = workload.take(numbers[name])
        elif len(requests) < numbers[name]:
            requests += workload.take(numbers[name] - len(requests))
        gc.collect()
        if contender.parallel or not isinstance(contender, WorkerUnderLoad):
            contest.runs.setdefault(name, []).append(await contender.run(requests[: numbers[name]]))
            continue
        pairing = await alternate(contender, contenders[DIRECT], requests)
        contest.runs.setdefault(name, []).append(pairing.ours)
        contest.runs.setdefault(DIRECT, []).append(pairing.theirs)
        contest.lone_ratios.extend(pairing.ratios)
