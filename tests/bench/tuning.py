"""Each offline contender at its best: the fastest of its settings, in the fastest of its batch sizes."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass

from bot.benchmark.comparison import Say
from tests.bench.contender import AllAtOnce, Contender
from tests.bench.engines.engine import Engine
from tests.bench.options import Effort
from tests.bench.workload import Workload

TRIES = 2
"""Of each batch size, whose faster one counts."""
SHARE, MOST = 0.5, 300
"""How long a try is, as a share of a run, and its most requests."""


@dataclass(frozen=True)
class Tuned:
    """An engine at its best.

    Attributes:
        contender: with its best settings and batch size.
        rate: requests a second.
        about: its settings, in words.
    """

    engine: Engine
    contender: AllAtOnce
    rate: float
    about: str


async def tuned(engine: Engine, workload: Workload, effort: Effort, say: Say) -> Tuned:
    """Find an engine's best settings, then its best batch size; the caller closes the contender.

    Whatever the engine raises if it cannot run the checkpoint is raised.
    """
    opened: dict[str, AllAtOnce] = {}
    rates: dict[str, float] = {}
    try:
        for way in engine.ways:
            say(f"{workload.name}: {engine.name}, {way}")
            opened[way] = contender = await asyncio.to_thread(_open, engine, way)
            rates[way] = await warm_up(contender, workload, effort)
            if len(engine.ways) > 1:
                rates[way] = await _rate(contender, workload, effort, rates[way])
        way = max(rates, key=rates.__getitem__)
        rate = await _sized(engine, opened[way], rates[way], workload, effort, say)
        best = opened.pop(way)
    finally:
        for contender in opened.values():
            await contender.aclose()
    return Tuned(engine, best, rate, f"{way}, {_batches(best)}")


async def warm_up(contender: Contender, workload: Workload, effort: Effort) -> float:
    """Have a contender answer a few requests, and return about how many it answers per second."""
    first = await contender.run(workload.take(2))
    if first.seconds > 1:
        return first.rate
    return (await contender.run(workload.take(effort.number(0, 4)))).rate


def _open(engine: Engine, way: str) -> AllAtOnce:
    """Return an engine with one of its settings, in batches of a middle size."""
    with ExitStack() as opened:
        offline = opened.enter_context(engine.open(way))
        return AllAtOnce(offline, offline.sizes[len(offline.sizes) // 2], opened.pop_all().close)


async def _sized(
    engine: Engine, contender: AllAtOnce, rate: float, workload: Workload, effort: Effort, say: Say
) -> float:
    """Give a contender its best batch size, and return its requests per second."""
    sizes = contender.offline.sizes
    rates = dict.fromkeys(sizes, 0.0)
    for size in sizes * (1 if effort.rough or len(sizes) == 1 else TRIES):
        contender.size = size
        say(f"{workload.name}: {engine.name} in {_batches(contender)}")
        rates[size] = max(rates[size], await _rate(contender, workload, effort, rate))
    contender.size = max(rates, key=rates.__getitem__)
    return rates[contender.size]


def _batches(contender: AllAtOnce) -> str:
    unit = contender.offline.unit
    return f"batches of {contender.size} {unit.removesuffix('s') if contender.size == 1 else unit}"


async def _rate(contender: AllAtOnce, workload: Workload, effort: Effort, rate: float) -> float:
    """Return a contender's requests per second, of full batches of every size."""
    largest = max(contender.offline.sizes)
    wanted = effort.number(min(MOST, SHARE * effort.seconds * rate))
    return (await contender.run(workload.take(largest * -(-wanted // largest)))).rate
