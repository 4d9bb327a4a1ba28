"""Does memory grow? The worker answers many requests, and memory is measured after each hundredth of them."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from bot.benchmark.comparison import Say, worker_at
from bot.inference.requests import Request
from bot.tables import FiguresTable
from tests.bench.growth import Growth, growth
from tests.bench.lineup import Subject, workers
from tests.bench.memory import Memory, held_memory, quick_collections

T = TypeVar("T")

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 50
"""Of the curve."""
LINES = 10
"""Of the table, beside the first."""
SAMPLES = 100


@dataclass(frozen=True)
class Sample:
    """The memory when so many requests had been answered, and none was under way."""

    requests: int
    memory: Memory


@dataclass(frozen=True)
class Soak:
    """What was measured of one task."""

    task: str
    checkpoint: str
    head: str
    device: str
    precision: str
    users: int
    seconds: float
    failures: int
    samples: tuple[Sample, ...]
    growth: Growth
    device_growth: Growth | None
    """Of the GPU's memory; None on a machine without one."""

    def table(self) -> RenderableType:
        """Return a curve, a few of the samples, and whether memory grew."""
        process = [one.memory.process for one in self.samples]
        about = (
            f"{self.checkpoint} ({self.head}) on {self.device} in {self.precision}. "
            f"{self.samples[-1].requests:,} requests of {self.users} users in {self.seconds:,.0f} s, "
            f"{self.failures:,} failed."
        )
        verdicts = [_judged("Resident memory", self.growth)]
        if self.device_growth is not None:
            verdicts.append(_judged("The GPU's memory", self.device_growth))
        return Group(
            Text(f"/{self.task}", style="bold"),
            Text(about),
            Text(f"{min(process) / 1e6:,.1f} MB {sparkline(_evenly(process, WIDTH))} {max(process) / 1e6:,.1f} MB"),
            _samples(self),
            *map(Text, verdicts),
            Text(),
        )


async def soak(subject: Subject, users: int, number: int, say: Say) -> Soak:
    """Have the worker answer so many requests, and watch the memory of the process.

    Raises:
        ModelUnavailable: the checkpoint cannot be had, or cannot do this task.
    """
    workload, device = subject.workload, subject.device
    say(f"{workload.name}: loading {subject.spec.name}")
    requests = workload.take(number)  # all are kept to the end, so only the bot can grow
    async with subject.open_worker(users) as (worker, kind):
        load = workers(subject, worker, kind, [users])[worker_at(users)]
        with quick_collections():
            samples = [await _sample(0, device.name)]
            seconds, failures, answered = 0.0, 0, 0
            for chunk in _chunks(requests, -(-number // SAMPLES)):
                run = await load.run(chunk)
                seconds, failures, answered = seconds + run.seconds, failures + run.failures, answered + len(chunk)
                samples.append(await _sample(answered, device.name))
                held = samples[-1].memory.process / 1e6
                say(f"{workload.name}: {answered:,} of {number:,} requests, {answered / seconds:.1f}/s, {held:,.0f} MB")
    return Soak(
        workload.name,
        subject.spec.name,
        str(kind),
        device.name,
        device.precision,
        users,
        seconds,
        failures,
        tuple(samples),
        growth([(one.requests, one.memory.process) for one in samples]),
        None if device.on_cpu else growth([(one.requests, one.memory.device or 0) for one in samples]),
    )


async def _sample(answered: int, device: str) -> Sample:
    await asyncio.sleep(0)  # callbacks of the last answers
    gc.collect()
    return Sample(answered, held_memory(device))


def _chunks(requests: Sequence[Request[object]], size: int) -> Iterator[Sequence[Request[object]]]:
    return itertools.takewhile(len, (requests[start : start + size] for start in itertools.count(0, size)))


def sparkline(values: Sequence[float]) -> str:
    """Return a bar for each value, from the least to the greatest."""
    least, span = min(values), max(values) - min(values)
    return "".join(BARS[round((value - least) / span * (len(BARS) - 1)) if span else 0] for value in values)


def _samples(measured: Soak) -> RenderableType:
    chosen = _evenly(measured.samples, LINES + 1)
    start = chosen[0].memory.process

    columns: dict[str, Callable[[Sample], str]] = {
        "requests": lambda one: f"{one.requests:,}",
        "MB": lambda one: f"{one.memory.process / 1e6:,.1f}",
        "since the start": lambda one: f"{(one.memory.process - start) / 1e6:+,.1f}",
    }
    if measured.device_growth is not None:
        columns["GPU MB"] = lambda one: f"{(one.memory.device or 0) / 1e6:,.1f}"
    return FiguresTable(chosen, columns)


def _evenly(values: Sequence[T], most: int) -> list[T]:
    """Return at most so many of the values, including the first and the last."""
    last = len(values) - 1
    return [values[index] for index in sorted({round(last * at / (most - 1)) for at in range(most)})]


def _judged(what: str, growth: Growth) -> str:
    return (
        f"{what} after the first tenth: {growth.verdict}. {growth.bytes / 1e6:+,.2f} MB in {growth.requests:,} "
        f"requests, {growth.bytes_per_request:+,.0f} ± {growth.margin:,.0f} bytes a request; "
        f"samples lie {growth.noise / 1e6:,.2f} MB around the line."
    )
