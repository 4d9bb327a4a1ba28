"""`python -m bot bench`: what can this machine carry, and how far is that from what it could?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import typer
from rich.console import Console, RenderableType

from bot.app import chosen_preset
from bot.benchmark.contest import Effort, hold
from bot.benchmark.corpus import Corpus
from bot.benchmark.discord_load import SimulatedMembers, simulated_members
from bot.benchmark.lineup import Say, Subject, open_worker
from bot.benchmark.machine import Machine
from bot.benchmark.options import Options
from bot.benchmark.report import DiscordReport, TaskReport, discord_report, report
from bot.benchmark.shapes import course_shapes
from bot.benchmark.soak import Soak, soak
from bot.benchmark.soak_table import soak_table
from bot.benchmark.table import discord_table, task_tables
from bot.benchmark.workload import KINDS, Workload
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.compute.device import Device
from bot.settings import Settings

Report = TaskReport | DiscordReport | Soak


async def measure_all(settings: Settings, options: Options, as_json: bool, console: Console) -> None:
    """Measure, and print the figures.

    Raises:
        SettingsError: something cannot be measured.
        ModelUnavailable: a checkpoint is not to be had.
    """
    device = (await asyncio.to_thread(Device.choose_all, settings.devices, settings.precision))[0]
    machine = await asyncio.to_thread(Machine.this)
    if not as_json:
        console.print(f"{machine}\n{options}\n")
    reports = []
    with _telling(Console(stderr=True)) as say:
        preset = await asyncio.to_thread(_preset, settings, options, say)
        async for one in _measured(settings, options, preset, device, say):
            reports.append(one)
            if not as_json:
                console.print(_table(one))
    if as_json:
        content = {
            "machine": asdict(machine),
            "options": asdict(options),
            "effort": asdict(options.effort),
            "measured": [asdict(one) for one in reports],
        }
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


@contextlib.contextmanager
def _telling(console: Console) -> Iterator[Say]:
    """Tells what is being done: in a line that changes, or in a line each where that is no terminal."""
    if console.is_terminal:
        with console.status("") as status:
            yield status.update
    else:
        yield partial(console.print, highlight=False, markup=False, soft_wrap=True)


async def _measured(
    settings: Settings, options: Options, preset: Preset, device: Device, say: Say
) -> AsyncIterator[Report]:
    """Each task; several in a process each, unless through Discord.

    What one task leaves behind, such as memory that an allocator keeps, would be counted with the next.
    """
    tasks = options.tasks or tuple(task for task in KINDS if task in preset.checkpoints)
    for task in tasks:
        asked = _Asked(task, preset.checkpoints[task], device, settings.cache_dir, options)
        if options.discord:
            async for one in _through_discord(asked, say):
                yield one
        elif len(tasks) == 1:
            yield await _alone(asked, say)
        else:
            say(f"{task}: in a process of its own")
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
                yield await asyncio.get_running_loop().run_in_executor(process, _alone_here, asked)


@dataclass(frozen=True)
class _Asked:
    """A measurement of one task, as it is handed to another process."""

    task: str
    spec: CheckpointSpec
    device: Device
    cache: Path
    options: Options

    @property
    def subject(self) -> Subject:
        return Subject(Workload(self.task, Corpus(self.options.seed)), self.spec, self.device, self.cache)

    @property
    def users(self) -> Sequence[int]:
        return self.options.users_of(self.task)


def _alone_here(asked: _Asked) -> TaskReport | Soak:
    return asyncio.run(_alone(asked, lambda line: None))


async def _alone(asked: _Asked, say: Say) -> TaskReport | Soak:
    options = asked.options
    if options.soak is not None:
        return await soak(asked.subject, max(asked.users), options.soak, say)
    return report(await hold(asked.subject, asked.users, options.effort, say, options.beside))


async def _through_discord(asked: _Asked, say: Say) -> AsyncIterator[DiscordReport]:
    """By members of a simulated server."""
    subject = asked.subject
    say(f"{asked.task}: loading {asked.spec.name}")
    async with open_worker(subject, max(asked.users)) as (worker, _):
        for number in asked.users:
            say(f"{asked.task}: {number} members")
            async with simulated_members(worker, number) as members:
                yield await _by_members(subject.workload, members, number, asked.options.effort)


async def _by_members(workload: Workload, members: SimulatedMembers, number: int, effort: Effort) -> DiscordReport:
    warm = await members.take_turn(workload.name, workload.take(effort.number(0, number)))
    wanted = effort.number(effort.requests or effort.seconds * warm.turn.rate, number)
    rounds = [await members.take_turn(workload.name, workload.take(wanted)) for _ in range(effort.rounds)]
    return discord_report(workload.name, number, rounds)


def _table(one: Report) -> RenderableType:
    match one:
        case TaskReport():
            return task_tables(one)
        case DiscordReport():
            return discord_table([one])
        case Soak():
            return soak_table(one)


def _preset(settings: Settings, options: Options, say: Say) -> Preset:
    if options.shapes:
        return course_shapes(settings.cache_dir, say, options.tasks or KINDS)
    return chosen_preset(settings, "starter")
