"""`python -m bot bench`: what can this machine carry, and how far is that from what it could?"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace

import typer
from rich.console import Console

from bot.app import chosen_preset
from bot.benchmark.contest import Effort, Say, hold, open_worker
from bot.benchmark.corpus import Corpus
from bot.benchmark.discord_load import SimulatedMembers, simulated_members
from bot.benchmark.machine import Machine
from bot.benchmark.report import DiscordReport, TaskReport, discord_report, report
from bot.benchmark.shapes import course_shapes
from bot.benchmark.table import discord_table, task_tables
from bot.benchmark.workload import KINDS, Workload
from bot.errors import SettingsError
from bot.inference.catalogue import CheckpointSpec, Preset
from bot.inference.device import Device
from bot.settings import Settings

MOST_USERS = 4_096
CLASSIFYING, WRITING, MEMBERS = (1, 8, 64), (1, 8, 16, 64), (200,)
"""Users where none are given: for tasks that read, for those that are slow, and through Discord."""
SLOW = frozenset({"zeroshot", "generate", "translate"})


@dataclass(frozen=True)
class Options:
    """What is to be measured.

    Attributes:
        shapes: measure the course's architectures with random weights, rather than a preset.
        tasks: all where empty.
        users: the usual ones where empty.
        quick: take less time, and compare fewer loads.
    """

    shapes: bool = False
    tasks: tuple[str, ...] = ()
    users: tuple[int, ...] = ()
    requests: int | None = None
    seconds: float | None = None
    rounds: int | None = None
    quick: bool = False
    discord: bool = False
    seed: int = 0

    @property
    def effort(self) -> Effort:
        """How long is measured."""
        usual = Effort.quick() if self.quick else Effort()
        return replace(
            usual, seconds=self.seconds or usual.seconds, rounds=self.rounds or usual.rounds, requests=self.requests
        )

    def users_of(self, task: str) -> Sequence[int]:
        """The loads of a task."""
        if self.users:
            return self.users
        if self.discord:
            return MEMBERS
        usual = WRITING if task in SLOW else CLASSIFYING
        return usual[:2] if self.quick else usual


def task_names(text: str) -> tuple[str, ...]:
    """`sentiment,fill` as names of tasks.

    Raises:
        SettingsError: it is something else.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if unknown := [name for name in names if name not in KINDS]:
        raise SettingsError(f"There is no task called “{unknown[0]}” to measure. There are {', '.join(KINDS)}.")
    return names


def numbers(text: str) -> tuple[int, ...]:
    """`1,8,64` as numbers of users.

    Raises:
        SettingsError: it is something else.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_USERS for part in parts):
        raise SettingsError(f"--users is “{text}”: write numbers from 1 to {MOST_USERS:,} with commas, such as 1,8,64.")
    return tuple(sorted({int(part) for part in parts}))


async def measure_all(settings: Settings, options: Options, as_json: bool, console: Console) -> None:
    """Measure, and print the figures.

    Raises:
        SettingsError: something cannot be measured.
        ModelUnavailable: a checkpoint is not to be had.
    """
    device = await asyncio.to_thread(Device.choose, settings.devices, settings.precision)
    machine = await asyncio.to_thread(Machine.this)
    if not as_json:
        console.print(f"{machine}\n{_about(options)}\n")
    reports = []
    with Console(stderr=True).status("") as status:
        preset = await asyncio.to_thread(_preset, settings, options, status.update)
        measure = _through_discord if options.discord else _directly
        async for one in measure(settings, options, preset, device, status.update):
            reports.append(one)
            if not as_json:
                console.print(task_tables(one) if isinstance(one, TaskReport) else discord_table([one]))
    if as_json:
        content = {
            "machine": asdict(machine),
            "options": asdict(options),
            "effort": asdict(options.effort),
            "measured": [asdict(one) for one in reports],
        }
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


async def _directly(
    settings: Settings, options: Options, preset: Preset, device: Device, say: Say
) -> AsyncIterator[TaskReport]:
    """Each task beside a naive bot and the limit; several tasks in a process each.

    What one task leaves behind, such as memory that an allocator keeps, would be counted with the next.
    """
    tasks = _tasks(options, preset)
    for task in tasks:
        spec = preset.checkpoints[task]
        if len(tasks) == 1:
            yield await _measured(task, spec, settings, options, device, say)
            continue
        say(f"{task}: in a process of its own")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            yield await asyncio.get_running_loop().run_in_executor(
                process, _measure_here, task, spec, settings, options, device
            )


def _measure_here(task: str, spec: CheckpointSpec, settings: Settings, options: Options, device: Device) -> TaskReport:
    return asyncio.run(_measured(task, spec, settings, options, device, lambda line: None))


async def _measured(
    task: str, spec: CheckpointSpec, settings: Settings, options: Options, device: Device, say: Say
) -> TaskReport:
    workload = Workload(task, Corpus(options.seed))
    contest = await hold(workload, spec, device, settings.cache_dir, options.users_of(task), options.effort, say)
    return report(contest)


async def _through_discord(
    settings: Settings, options: Options, preset: Preset, device: Device, say: Say
) -> AsyncIterator[DiscordReport]:
    """Each task by members of a simulated server."""
    for task in _tasks(options, preset):
        spec, users = preset.checkpoints[task], options.users_of(task)
        workload = Workload(task, Corpus(options.seed))
        say(f"{workload.name}: loading {spec.name}")
        async with open_worker(workload, spec, device, settings.cache_dir, max(users)) as (worker, _):
            for number in users:
                say(f"{workload.name}: {number} members")
                async with simulated_members(worker, number) as members:
                    yield await _by_members(workload, members, number, options.effort)


async def _by_members(workload: Workload, members: SimulatedMembers, number: int, effort: Effort) -> DiscordReport:
    warm = await members.take_turn(workload.name, workload.take(effort.number(0, number)))
    wanted = effort.number(effort.requests or effort.seconds * warm.turn.rate, number)
    rounds = [await members.take_turn(workload.name, workload.take(wanted)) for _ in range(effort.rounds)]
    return discord_report(workload.name, number, rounds)


def _tasks(options: Options, preset: Preset) -> Sequence[str]:
    return options.tasks or [task for task in KINDS if task in preset.checkpoints]


def _about(options: Options) -> str:
    effort = options.effort
    turns = "one turn of each" if effort.rounds == 1 else f"medians of {effort.rounds} turns, taken in alternation"
    return f"Closed loop, {turns}, seed {options.seed}. All texts differ: no cache can answer them."


def _preset(settings: Settings, options: Options, say: Say) -> Preset:
    if options.shapes:
        return course_shapes(settings.cache_dir, say, options.tasks or KINDS)
    return chosen_preset(settings, "starter")
