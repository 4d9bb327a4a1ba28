"""`python -m bot bench`: how many people can this machine serve, beside a naive bot?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import typer
from rich.console import Console, RenderableType

from bot.app import chosen_preset
from bot.benchmark.comparison import Say, Subject, compare
from bot.benchmark.options import Options
from bot.benchmark.report import Machine, TaskReport
from bot.benchmark.workload import REQUESTS, Workload
from bot.inference.checkpoints.catalogue import CheckpointSpec
from bot.inference.compute.device import Device
from bot.settings import Settings

T = TypeVar("T")


class Report(Protocol):
    """A dataclass of figures; its fields are for scripts."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def table(self) -> RenderableType:
        """Return the figures for people."""
        ...


async def compare_all(settings: Settings, options: Options, as_json: bool, console: Console) -> None:
    """Measure the worker and the naive bot, and print the figures; raise `GlassboxError` if something can't be had."""
    device = await device_of(settings)
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")

    async def reports(say: Say) -> AsyncIterator[TaskReport]:
        tasks = options.tasks or [task for task in REQUESTS if task in preset.checkpoints]
        for task in tasks:
            arguments = (task, preset.checkpoints[task], device, settings.cache_dir, options)
            yield await (in_own_process(_compare, *arguments) if len(tasks) > 1 else _compare(*arguments, say))

    await show(reports, options, as_json, console)


async def _compare(
    task: str, spec: CheckpointSpec, device: Device, cache: Path, options: Options, say: Say
) -> TaskReport:
    return await compare(Subject(Workload(task), spec, device, cache), options.users_of(task), options.effort, say)


async def device_of(settings: Settings) -> Device:
    """Return the device that is measured: the first one. Raise `SettingsError` if it isn't there."""
    return (await asyncio.to_thread(Device.choose_all, settings.devices, settings.precision))[0]


async def show(
    reports: Callable[[Say], AsyncIterator[Report]], options: Options, as_json: bool, console: Console
) -> None:
    """Print each report when it is there, or JSON at the end; progress goes to standard error."""
    machine = await asyncio.to_thread(Machine)
    if not as_json:
        console.print(f"{machine}\n{options}\n")
    measured = []
    with _progress(Console(stderr=True)) as say:
        async for report in reports(say):
            measured.append(asdict(report))
            if not as_json:
                console.print(report.table())
    if as_json:
        about = {"machine": asdict(machine), "options": asdict(options), "effort": asdict(options.effort)}
        typer.echo(json.dumps(about | {"measured": measured}, indent=2, ensure_ascii=False))


@contextlib.contextmanager
def _progress(console: Console) -> Iterator[Say]:
    """Show what is being done: in a line that changes, or in a line each if that isn't a terminal."""
    if console.is_terminal:
        with console.status("") as status:
            yield status.update
    else:
        yield partial(console.print, highlight=False, markup=False, soft_wrap=True)


async def in_own_process(measure: Callable[..., Coroutine[object, object, T]], *arguments: object) -> T:
    """Measure in another process: memory that an allocator keeps from one task would be counted with the next."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return await asyncio.get_running_loop().run_in_executor(process, _run, measure, arguments)


def _run(measure: Callable[..., Coroutine[object, object, T]], arguments: tuple[object, ...]) -> T:
    return asyncio.run(measure(*arguments, lambda line: None))
