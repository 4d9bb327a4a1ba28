"""One task, measured: the worker, the naive bots and the limit take turns, so that noise hits all equally."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.benchmark.comparison import Say, worker_at
from bot.inference.compute.device import Device
from bot.inference.requests import Request
from bot.inference.task import HeadKind
from tests.bench.contender import AllAtOnce, Contender, WorkerUnderLoad
from tests.bench.limit import Offline
from tests.bench.lineup import DIRECT, LIMIT, Lineup, Subject, line_up, workers
from tests.bench.memory import Memory, peak_memory, quick_collections
from tests.bench.options import Effort
from tests.bench.pairs import alternate
from tests.bench.run import Run
from tests.bench.workload import Workload


@dataclass
class Contest:
    """What was measured of one task.

    Attributes:
        runs: by contender, the run of each round.
        lone_ratios: the lone user's latency divided by that of the direct call, of each text.
        memory: of the bot alone, under its greatest load, before the other contenders were loaded.
        batch: the limit's best batch size, and its unit.
        notes: remarks for the reader.
    """

    task: str
    checkpoint: str
    head: HeadKind
    device: Device
    users: Sequence[int]
    memory: Memory
    batch: tuple[int, str] = (0, "")
    runs: dict[str, list[Run]] = field(default_factory=dict)
    lone_ratios: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def hold(subject: Subject, users: Sequence[int], effort: Effort, say: Say, beside: str | None = None) -> Contest:
    """Measure one task.

    Args:
        beside: the URL of a server that takes part in generation.

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
        lineup = await line_up(subject, most, beside, say, opened)
        limit, rate = await _best(lineup.limit, workload, effort, say)
        opened.push_async_callback(limit.aclose)
        contest = Contest(
            workload.name, subject.spec.name, kind, subject.device, users, memory, (limit.size, lineup.limit.unit)
        )
        contest.notes.extend(lineup.notes)
        contenders = _in_order(loaded, lineup, limit)
        numbers = await _numbers(contenders, workload, effort, rate, say)
        with quick_collections():
            for number in range(effort.rounds):
                title = f"{workload.name}: round {number + 1} of {effort.rounds}"
                await _round(contenders, numbers, workload, contest, partial(_with_title, say, title))
    return contest


def _in_order(loaded: Mapping[str, Contender], lineup: Lineup, limit: AllAtOnce) -> dict[str, Contender]:
    # Contenders that are compared run one after the other.
    lone = {name: one for name, one in loaded.items() if one.users == 1}
    loads = {name: one for name, one in loaded.items() if one.users > 1}
    direct = {DIRECT: lineup.direct} if lone else {}
    return {**lone, **direct, **lineup.naive, **loads, **lineup.batched, LIMIT: limit}


def _with_title(say: Say, title: str, name: str) -> None:
    say(f"{title}, {name}")


async def _best(limit: Offline, workload: Workload, effort: Effort, say: Say) -> tuple[AllAtOnce, float]:
    """Return the limit in its best batch size, and its requests per second."""
    candidates = [AllAtOnce(limit, size) for size in limit.sizes]
    rate = await _warm_up(candidates[0], workload, effort)
    wanted = effort.number(min(300, effort.seconds * rate))
    requests = workload.take(max(limit.sizes) * -(-wanted // max(limit.sizes)))
    rates = dict.fromkeys(candidates, 0.0)
    for candidate in candidates * (1 if effort.rough or len(candidates) == 1 else 2):
        say(f"{workload.name}: the limit in batches of {candidate.size} {limit.unit}")
        rates[candidate] = max(rates[candidate], (await candidate.run(requests)).rate)
    best = max(rates, key=lambda candidate: rates[candidate])
    for candidate in candidates:
        if candidate is not best:
            await candidate.aclose()
    return best, rates[best]


async def _warm_up(contender: Contender, workload: Workload, effort: Effort) -> float:
    """Have a contender answer a few requests, and return about how many it answers per second."""
    first = await contender.run(workload.take(2))
    if first.seconds > 1:
        return first.rate
    return (await contender.run(workload.take(effort.number(0, 4)))).rate


async def _numbers(
    contenders: Mapping[str, Contender], workload: Workload, effort: Effort, best: float, say: Say
) -> dict[str, int]:
    """Warm all contenders up, and return how many requests each has in a run.

    Args:
        best: requests per second of the limit, which is warm already.
    """
    numbers = {}
    most = 0
    for name, contender in contenders.items():
        if not contender.parallel:
            say(f"{workload.name}: warming up, {name}")
            wanted = effort.seconds * await _warm_up(contender, workload, effort)
            numbers[name] = effort.number(min(wanted, effort.requests or wanted), contender.users)
            most = max(most, numbers[name]) if name == worker_at(1) else most
            continue
        if not isinstance(contender, WorkerUnderLoad) and name != LIMIT:
            say(f"{workload.name}: warming up, {name}")
            await contender.run(workload.take(effort.number(0, contender.users)))
        wanted = effort.number(effort.requests or effort.seconds * best, contender.users)
        most = max(most, wanted)
        # The limit gets the worker's requests, and only full batches.
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
