"""`python -m tests.bench.remote`: what the way over the network costs, beside the worker in this process.

The server runs in its own process on this machine, with the same checkpoint, and is idle while the worker here is
measured. Both compete with their callers for the processor, which they would not on machines of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from yarl import URL

from bot.__main__ import (
    JsonOption,
    PresetOption,
    RoundsOption,
    TasksOption,
    UsersOption,
    log_to_stderr,
    main,
    open_console,
    run_coroutine,
    settings_with,
)
from bot.app import chosen_preset
from bot.benchmark.load import Run, closed_loop
from bot.benchmark.options import numbers, task_names
from bot.benchmark.workload import Workload
from bot.inference.backend import Backend
from bot.inference.checkpoints.catalogue import FolderSource, Preset
from bot.inference.remote.backend import RemoteBackend
from bot.inference.requests import Request
from bot.settings import Settings
from bot.tables import FiguresTable
from bot.tasks import all_tasks
from tests.bench.remote_server import READY, ROWS, worker_of

ROOT = Path(__file__).parents[2]
BOT_PROCESS = ROOT / "tests" / "inference" / "remote" / "bot_process.py"
STARTS = 5

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Comparison:
    """The worker here and the server there, under one load. Medians of the rounds.

    Attributes:
        overhead_ms: how much longer the median answer takes from there, round by round.
        share: the rate from there, divided by the rate here, round by round.
    """

    task: str
    users: int
    local_ms: float
    remote_ms: float
    overhead_ms: float
    local_rate: float
    remote_rate: float
    share: float
    failures: int


@dataclass(frozen=True)
class BotProcess:
    """A bot process whose models are there: medians of some starts.

    Attributes:
        seconds: from its first line to where it would log in.
        megabytes: of memory after an answer and a picture.
    """

    seconds: float
    megabytes: float


@app.command()
def bench(
    preset: PresetOption = None,
    shapes: Annotated[bool, typer.Option("--shapes", help="The course's architectures with random weights.")] = False,
    tasks: TasksOption = "sentiment,generate",
    users: UsersOption = "1,64",
    rounds: RoundsOption = 7,
    requests: Annotated[int, typer.Option(help="Of each user and round, at least 20 in all.", min=1)] = 5,
    sleeping: Annotated[
        float | None,
        typer.Option(
            help=f"Seconds that a forward pass of at most {ROWS} rows sleeps, as if a GPU computed it; only sentiment."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what the way over the network costs."""
    settings = settings_with(preset=preset)
    log_to_stderr("WARNING")
    options = task_names(tasks), numbers(users), rounds or 7, requests, shapes, as_json, sleeping
    run_coroutine(measure(settings, *options))


async def measure(
    settings: Settings, tasks: tuple[str, ...], users: tuple[int, ...], rounds: int, requests: int, shapes: bool,
    as_json: bool, sleeping: float | None = None,
) -> None:  # fmt: skip
    """Measure and print."""
    preset = await asyncio.to_thread(_preset, settings, tasks, shapes)
    async with (
        worker_of(settings, preset, tasks, sleeping) as worker,
        served(settings, preset, tasks, sleeping) as url,
        RemoteBackend(all_tasks(), [URL(url)]) as remote,
    ):
        compared = [
            await compare(worker, remote, task, number, rounds, max(20, requests * number))
            for task in tasks
            for number in users
        ]
        process = await bot_process(url)
    if as_json:
        print(json.dumps({"compared": list(map(asdict, compared)), "bot_process": asdict(process)}, indent=2))  # noqa: T201
        return
    console = open_console()
    console.print(FiguresTable(compared, COLUMNS))
    console.print(
        f"A bot process without models starts in {process.seconds:.2f} s and takes {process.megabytes:.0f} MB "
        f"(medians of {STARTS} starts)."
    )


COLUMNS = {
    "task": lambda one: one.task,
    "users": lambda one: str(one.users),
    "p50 here, ms": lambda one: f"{one.local_ms:.1f}",
    "p50 there, ms": lambda one: f"{one.remote_ms:.1f}",
    "overhead, ms": lambda one: f"{one.overhead_ms:+.1f}",
    "answers/s here": lambda one: f"{one.local_rate:.1f}",
    "answers/s there": lambda one: f"{one.remote_rate:.1f}",
    "share": lambda one: f"{one.share:.2f}",
    "failed": lambda one: str(one.failures),
}


async def compare(here: Backend, there: Backend, task: str, users: int, rounds: int, number: int) -> Comparison:
    """Measure both in alternation, with texts of which none comes twice. The first round warms up."""
    workload = Workload(task)
    pairs: list[tuple[Run, Run]] = []
    for index in range(rounds + 1):
        order = (here, there) if index % 2 else (there, here)
        runs = {backend: await closed_loop(_ask(backend), workload.take(number), users) for backend in order}
        pairs.append((runs[here], runs[there]))
    measured = pairs[1:]
    local = [_median_ms(run) for run, _ in measured]
    remote = [_median_ms(run) for _, run in measured]
    return Comparison(
        task,
        users,
        statistics.median(local),
        statistics.median(remote),
        statistics.median(there - here for here, there in zip(local, remote, strict=True)),
        statistics.median(run.rate for run, _ in measured),
        statistics.median(run.rate for _, run in measured),
        statistics.median(there.rate / here.rate for here, there in measured),
        sum(here.failures + there.failures for here, there in measured),
    )


@contextlib.asynccontextmanager
async def served(
    settings: Settings, preset: Preset, tasks: tuple[str, ...], sleeping: float | None = None
) -> AsyncIterator[str]:
    """Serve the checkpoints of tasks in another process; yield its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.remote_server", ",".join(tasks),
        "" if sleeping is None else str(sleeping),
        cwd=ROOT, env=os.environ | _same(settings, preset, tasks), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        while not (line := (await process.stdout.readline()).decode()).startswith(READY):
            if not line:
                raise RuntimeError("the server has ended")
        yield line.removeprefix(READY).strip()
    finally:
        process.stdin.close()  # it ends with its standard input
        await process.wait()


async def bot_process(url: str) -> BotProcess:
    """Start bot processes whose models are at an address."""
    told = []
    for _ in range(STARTS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(BOT_PROCESS), '{"refused": []}',
            env=os.environ | {"PYTHONPATH": str(ROOT), "INFERENCE_URL": url}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        told.append(json.loads(output))
    return BotProcess(
        statistics.median(one["seconds"] for one in told), statistics.median(one["bytes"] for one in told) / 1e6
    )


def _ask(backend: Backend):  # type: ignore[no-untyped-def]
    async def ask(request: Request[object], person: int) -> None:
        await backend.run(request, person=person)

    return ask


def _median_ms(run: Run) -> float:
    return statistics.median(run.latencies) * 1000


def _preset(settings: Settings, tasks: tuple[str, ...], shapes: bool) -> Preset:
    if shapes:
        from tests.bench.shapes import course_shapes

        return course_shapes(settings.cache_dir, lambda line: print(line, file=sys.stderr), tasks)  # noqa: T201
    return chosen_preset(settings, "starter")


def _same(settings: Settings, preset: Preset, tasks: tuple[str, ...]) -> Mapping[str, str]:
    """The settings with which the other process runs the same checkpoints in the same way."""
    sources = {task: preset.checkpoints[task].source for task in tasks}
    folders = {task: source.path for task, source in sources.items() if isinstance(source, FolderSource)}
    same = {name: str(getattr(settings, name.lower())) for name in ("CACHE_DIR", "DEVICES", "PRECISION")}
    chosen = {f"{task.upper()}_CHECKPOINT": str(path) for task, path in folders.items()}
    return same | chosen | {"PRESET": "starter" if folders else preset.name}


if __name__ == "__main__":
    main(app)
