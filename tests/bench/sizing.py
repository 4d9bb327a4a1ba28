"""`python -m tests.bench.sizing`: how many people can a core, or a GPU, serve?

For each task, the largest number of people for whom 95 of 100 answers come within two seconds. Each writes about once a
minute (`tests/bench/people.py`); on the way, the number of requests that are under way at a time is counted too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from bot.__main__ import (
    JsonOption,
    PrecisionOption,
    PresetOption,
    TasksOption,
    log_to_stderr,
    main,
    open_console,
    run_coroutine,
    settings_with,
)
from bot.app import chosen_preset
from bot.benchmark import options
from bot.benchmark.comparison import Say
from bot.benchmark.load import Ask, closed_loop
from bot.benchmark.options import task_names
from bot.benchmark.report import Machine, number, pair
from bot.benchmark.workload import REQUESTS
from bot.commands.bench import device_of, in_own_process, show
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.compute.device import Device
from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker
from bot.settings import Settings
from bot.tables import FiguresTable
from tests.bench.__main__ import Shapes
from tests.bench.lineup import Subject
from tests.bench.memory import quick_collections
from tests.bench.people import Aim, PacedRun, paced
from tests.bench.shapes import course_shapes
from tests.bench.workload import Workload

MOST = 100_000
"""People, beyond whom nobody looks."""
LONE, WARMING, TOGETHER = 20, 40, 8
"""Requests of a single person; requests that warm the worker up for more people, and how many of these at once."""
EXACTLY = 0.1
"""The search ends when the number of people is known to a tenth."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Options(options.Options):
    """What is to be measured: the tasks of a preset, or of the course's shapes.

    Attributes:
        most: people, beyond whom nobody looks.
    """

    aim: Aim = field(default_factory=Aim)
    shapes: bool = False
    most: int = MOST

    def __str__(self) -> str:
        pace, within, seconds = (f"{one:g} s" for one in (self.aim.pace, self.aim.within, self.aim.seconds))
        return (
            f"Each person asks, and asks again {pace} after the answer, on average. 95 of 100 answers come within "
            f"{within}. Runs of {seconds}; the number of people is known to a tenth."
        )


@dataclass(frozen=True)
class Size:
    """The largest number of people for whom answers come in time, and their answers.

    If a single one who asks without a pause waits for too long, `people` is 0, and the answers are that one's.

    Attributes:
        cores: that the forward passes share; None on a GPU.
        requests: answered in the run.
        rate: answers a second.
        under_way: requests at a time, on average.
    """

    task: str
    checkpoint: str
    head: str
    device: str
    precision: str
    people: int
    cores: int | None
    requests: int
    rate: float
    under_way: float
    p50_ms: float
    p95_ms: float

    @property
    def share(self) -> float:
        """People per core, or per GPU."""
        return self.people / (self.cores or 1)


@dataclass(frozen=True)
class Sizes:
    """The sizes of all tasks."""

    sizes: tuple[Size, ...]

    def table(self) -> RenderableType:
        """Return them as a table, and below it what was measured."""
        each = "core" if any(one.cores for one in self.sizes) else "GPU"
        columns: Mapping[str, Callable[[Size], str]] = {
            "task": lambda one: f"/{one.task}",
            f"people\nper {each}": lambda one: f"{one.share:,.0f}",
            "people": lambda one: f"{one.people:,}",
            "answers": lambda one: f"{one.requests:,}",
            "answers/s": lambda one: number(one.rate),
            "requests\nat once": lambda one: number(one.under_way),
            "takes\nms p50 / p95": lambda one: pair(one.p50_ms, one.p95_ms),
        }
        about = (
            f"/{one.task}: {one.checkpoint} ({one.head}) on {one.device} in {one.precision}." for one in self.sizes
        )
        return Group(FiguresTable(self.sizes, columns), *map(Text, about), Text())


async def size_all(settings: Settings, options: Options, as_json: bool, console: Console) -> None:
    """Measure, and print the sizes; raise `GlassboxError` if something can't be had."""
    device = await device_of(settings)

    async def reports(say: Say) -> AsyncIterator[Sizes]:
        preset = await asyncio.to_thread(_preset, settings, options, say)
        tasks = options.tasks or tuple(task for task in REQUESTS if task in preset.checkpoints)
        sizes: list[Size] = []
        for task in tasks:
            say(f"{task}: how many people?")
            arguments = (task, preset.checkpoints[task], device, settings.cache_dir, options)
            sizes.append(await (in_own_process(_size, *arguments) if len(tasks) > 1 else _size(*arguments, say)))
            say(f"{task}: {sizes[-1].people:,} people")
        yield Sizes(tuple(sizes))

    await show(reports, options, as_json, console)


async def _size(task: str, spec: CheckpointSpec, device: Device, cache: Path, options: Options, say: Say) -> Size:
    subject = Subject(Workload(task), spec, device, cache)
    async with subject.open_worker(options.most) as (worker, kind):
        with quick_collections():
            people, run = await _search(subject.workload, partial(_ask, worker), options, say)
    cores = Machine().cores if device.on_cpu else None
    p50, p95 = (1_000 * run.percentile(percent) for percent in (50, 95))
    about = task, spec.name, str(kind), device.name, device.precision, people, cores, len(run.latencies)
    return Size(*about, run.rate, run.under_way, p50, p95)


async def _search(workload: Workload, ask: Ask, options: Options, say: Say) -> tuple[int, PacedRun]:
    """Return the largest number of people for whom answers come in time, and their run."""
    aim = options.aim
    await closed_loop(ask, workload.take(LONE), 1)
    lone = await closed_loop(ask, workload.take(LONE), 1)
    runs = {0: PacedRun(1, lone.seconds, lone.latencies, lone.failures)}
    if runs[0].percentile(95) > aim.within:
        return 0, runs[0]

    async def fits(people: int) -> bool:
        runs[people] = run = await paced(ask, workload.take(aim.requests(people)), people, aim, seed=people)
        late = run.percentile(95)
        when = "too few in time" if math.isinf(late) else f"95 of 100 within {late:.2f} s"
        say(f"{workload.name}: {people:,} people, {run.rate:.1f} answers/s, {when}")
        return late <= aim.within

    await closed_loop(ask, workload.take(WARMING), TOGETHER)
    warm = await closed_loop(ask, workload.take(WARMING), TOGETHER)
    people = await largest(fits, round(warm.rate * aim.pace / 2), options.most)
    return people, runs[people]


async def _ask(worker: InferenceWorker, request: Request[object], person: int) -> None:
    await worker.run(request, person=person)


async def largest(fits: Callable[[int], Awaitable[bool]], start: int, most: int) -> int:
    """Return about the largest number that fits, found by doubling and bisecting; 0 if not even 1 does.

    Args:
        start: is tried first.
        most: the largest number that is tried.
    """
    low, high, tried = 0, most + 1, min(max(1, start), most)
    while high - low > max(1, EXACTLY * low):
        if await fits(tried):
            low = tried
        else:
            high = tried
        tried = min(2 * low, most) if high > most else (low + high) // 2
    return low


def _preset(settings: Settings, options: Options, say: Say) -> Preset:
    if options.shapes:
        return course_shapes(settings.cache_dir, say, options.tasks or REQUESTS)
    return chosen_preset(settings, "starter")


@app.command()
def sizing(
    preset: PresetOption = None,
    shapes: Annotated[
        Shapes | None, typer.Option(help="Instead of a preset: architectures in full size with random weights.")
    ] = None,
    tasks: TasksOption = "",
    precision: PrecisionOption = None,
    pace: Annotated[float, typer.Option(help="Seconds from an answer to the next question.", min=0.1)] = Aim.pace,
    within: Annotated[float, typer.Option(help="Seconds for 95 of 100 answers.", min=0.01, max=600)] = Aim.within,
    seconds: Annotated[float, typer.Option(help="Of a run.", min=0.1, max=3_600)] = Aim.seconds,
    most: Annotated[int, typer.Option(help="Look for no more people than these.", min=1, max=1_000_000)] = MOST,
    as_json: JsonOption = False,
) -> None:
    """Find how many people can be served."""
    settings = settings_with(preset=preset, precision=precision)
    log_to_stderr("WARNING", of_discord="ERROR")
    wanted = Options(task_names(tasks), aim=Aim(pace, within, seconds), shapes=shapes is not None, most=most)
    run_coroutine(size_all(settings, wanted, as_json, open_console()))


if __name__ == "__main__":
    main(app)
