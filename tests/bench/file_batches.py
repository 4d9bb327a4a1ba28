"""`python -m tests.bench.file_batches`: a file behind everybody who waits, beside the machine's limit and one person.

In each round, in turn: the offline limit over the file's texts; the file alone; a person's `/sentiment` alone; and both
at once. Ratios are of one round each, and their median is printed, so that a busy machine hits both sides.
"""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from bot.__main__ import PrecisionOption, PresetOption, log_to_stderr, main, open_console, run_coroutine, settings_with
from bot.app import chosen_preset
from bot.batches.formats import Format
from bot.batches.plan import Command, Options, Plan
from bot.batches.reading import read_table
from bot.batches.running import BatchRun
from bot.batches.table import Table
from bot.benchmark.comparison import Say
from bot.benchmark.workload import SHORT, length, messages
from bot.commands.bench import device_of
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.worker import InferenceWorker
from bot.settings import Settings
from bot.stopping import beside
from bot.tasks.sentiment import SentimentRequest
from tests.bench.limit import Offline, offline
from tests.bench.lineup import Subject
from tests.bench.shapes import course_shapes
from tests.bench.workload import Workload

TASK = "sentiment"
OWNER, PERSON = 1, 2
PAUSE = 2.0
"""Seconds between two requests of the person, who reads the answer and writes the next."""
ALONE = 40
"""Requests of the person alone, in each round."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass
class Rounds:
    """What was measured, one number for each round; times are in seconds.

    Attributes:
        share: rows a second of the file alone, divided by the limit's.
        share_beside: the same while a person asks.
        alone, waits: the person's median time, alone and beside the file.
        longest: the person's longest time beside the file.
        batch: the mean time of the file's batches.
    """

    limit: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    share_beside: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)

    @property
    def batches_longer(self) -> list[float]:
        """By how many batches the person's median time is longer beside the file."""
        return [(wait - alone) / batch for wait, alone, batch in zip(self.waits, self.alone, self.batch, strict=True)]

    @property
    def most_batches_longer(self) -> list[float]:
        """The same of the person's longest time."""
        return [(wait - alone) / batch for wait, alone, batch in zip(self.longest, self.alone, self.batch, strict=True)]


async def measure(settings: Settings, rows: int, rounds: int, shapes: bool, console: Console) -> None:
    """Measure, and print the figures."""

    def say(line: str) -> None:
        console.print(line, style="dim", soft_wrap=True)

    device = await device_of(settings)
    preset = await asyncio.to_thread(_preset, settings, shapes, say)
    subject = Subject(Workload(TASK), preset.checkpoints[TASK], device, settings.cache_dir)
    texts = list(islice((text for text in messages() if length(text) <= SHORT[-1]), rows))
    table = _table(texts)
    found = Rounds()
    async with subject.open_worker(64) as (worker, _):
        own = await asyncio.to_thread(subject.load, device.precision, packed=True)
        limit = offline(subject.workload.task, own)
        requests = [SentimentRequest(text) for text in texts]
        size = _best_size(limit, requests[: max(500, rows // 10)])
        people = (SentimentRequest(text) for text in messages(seed=1) if length(text) <= SHORT[-1])
        await _file(worker, _table(texts[:200]))  # warms up what compiles kernels for each size
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            gc.collect()
            began = time.perf_counter()
            await asyncio.to_thread(limit.run, requests, size)
            found.limit.append(rows / (time.perf_counter() - began))
            rate, batch = await _file(worker, table)
            found.share.append(rate / found.limit[-1])
            found.batch.append(batch)
            found.alone.append(median(await _asked(worker, people, ALONE)))
            waits: list[float] = []
            async with beside(_asked(worker, people, None, waits)):
                rate, _ = await _file(worker, table)
            found.share_beside.append(rate / found.limit[-1])
            found.waits.append(median(waits))
            found.longest.append(max(waits))
            say(f"  {found.share[-1]:.2f} of the limit; a person waits {found.batches_longer[-1]:.2f} batches longer")
    _show(console, subject.spec.name, f"{device.name} {device.precision}", rows, size, found)


async def _file(worker: InferenceWorker, table: Table) -> tuple[float, float]:
    """Answer a file; return its rows a second, and the mean seconds of a batch."""
    gc.collect()
    plan = Plan(Options(Command.SENTIMENT), "text")
    before = worker.status()
    began = time.perf_counter()
    run = BatchRun(worker, OWNER, table, plan, {}, asyncio.get_running_loop().time)
    await run.run()
    seconds = time.perf_counter() - began
    after = worker.status()
    assert not any(one.error for one in run.outcomes.values())
    busy = sum(one.busy_seconds for one in after.devices) - sum(one.busy_seconds for one in before.devices)
    return len(table.rows) / seconds, busy / max(1, after.batches - before.batches)


async def _asked(
    worker: InferenceWorker, requests: Iterator[SentimentRequest], number: int | None, waits: list[float] | None = None
) -> list[float]:
    """Ask as one person does, so many times or until cancelled; return how long each answer took."""
    waits = [] if waits is None else waits
    while number is None or len(waits) < number:
        request = next(requests)
        began = time.perf_counter()
        await worker.run(request, person=PERSON)
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE if number is None else 0)
    return waits


def _best_size(limit: Offline, requests: list[SentimentRequest]) -> int:
    seconds = {}
    for size in limit.sizes:
        limit.run(requests[:50], size)
        began = time.perf_counter()
        limit.run(requests, size)
        seconds[size] = time.perf_counter() - began
    return min(seconds, key=seconds.__getitem__)


def _table(texts: list[str]) -> Table:
    content = io.StringIO(newline="")
    csv.writer(content).writerows([["text"], *([text] for text in texts)])
    return read_table(content.getvalue().encode(), Format.CSV)


def _preset(settings: Settings, shapes: bool, say: Say) -> Preset:
    return course_shapes(settings.cache_dir, say, [TASK]) if shapes else chosen_preset(settings, "starter")


def _show(console: Console, name: str, device: str, rows: int, size: int, found: Rounds) -> None:
    lines = [
        f"{rows:,} short rows through /{TASK}, {name} on {device}; {len(found.limit)} rounds, medians",
        f"offline limit                          {median(found.limit):8,.0f} rows/s (sorted batches of {size})",
        f"the file alone                         {median(found.share):8.2f} of the limit",
        f"the file while one person asks         {median(found.share_beside):8.2f} of the limit",
        f"a batch of the file                    {1000 * median(found.batch):8.1f} ms",
        f"a person alone                         {1000 * median(found.alone):8.1f} ms",
        f"a person beside the file               {1000 * median(found.waits):8.1f} ms",
        f"longer by                              {median(found.batches_longer):8.2f} batches",
        f"longest wait longer by                 {median(found.most_batches_longer):8.2f} batches",
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


@app.command()
def file_batches(
    rows: Annotated[int, typer.Option(help="Of the file.", min=200, max=20_000)] = 5_000,
    rounds: Annotated[int, typer.Option(min=1, max=50)] = 5,
    preset: PresetOption = None,
    precision: PrecisionOption = None,
    shapes: Annotated[
        bool, typer.Option("--shapes", help="The course's architecture in full size with random weights.")
    ] = False,
) -> None:
    """Measure a file behind everybody who waits."""
    settings = settings_with(preset=preset, precision=precision)
    log_to_stderr("WARNING")
    run_coroutine(measure(settings, rows, rounds, shapes, open_console()))


if __name__ == "__main__":
    main(app)
