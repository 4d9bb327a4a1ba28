"""The measurements of `python -m tests.bench`, each task in a process of its own unless Discord is simulated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console

from bot.app import chosen_preset
from bot.benchmark.comparison import Say
from bot.benchmark.workload import REQUESTS
from bot.commands.bench import Report, device_of, in_own_process, show
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.compute.device import Device
from bot.settings import Settings
from tests.bench.contest import hold
from tests.bench.discord_load import SimulatedMembers, simulated_members
from tests.bench.lineup import Guests, Subject
from tests.bench.options import Effort, Options
from tests.bench.report import DiscordReport, TaskReport, discord_report, report
from tests.bench.shapes import course_shapes
from tests.bench.soak import Soak, soak
from tests.bench.workload import Workload


async def measure_all(settings: Settings, options: Options, as_json: bool, console: Console) -> None:
    """Measure, and print the figures.

    Raises:
        SettingsError: something cannot be measured.
        ModelUnavailable: a checkpoint can't be had.
    """
    device = await device_of(settings)

    async def reports(say: Say) -> AsyncIterator[Report]:
        preset = await asyncio.to_thread(_preset, settings, options, say)
        tasks = options.tasks or tuple(task for task in REQUESTS if task in preset.checkpoints)
        for task in tasks:
            arguments = (task, preset.checkpoints[task], device, settings.cache_dir, options)
            if options.discord:
                async for report in _through_discord(*arguments, say):
                    yield report
            elif len(tasks) == 1:
                yield await _alone(*arguments, say)
            else:
                say(f"{task}: in a process of its own")
                yield await in_own_process(_alone, *arguments)

    await show(reports, options, as_json, console)


async def _alone(
    task: str, spec: CheckpointSpec, device: Device, cache: Path, options: Options, say: Say
) -> TaskReport | Soak:
    subject, users = Subject(Workload(task), spec, device, cache), options.users_of(task)
    if options.soak is not None:
        return await soak(subject, max(users), options.soak, say)
    guests = Guests(options.beside, options.engines)
    return report(await hold(subject, users, options.effort, say, guests))


async def _through_discord(
    task: str, spec: CheckpointSpec, device: Device, cache: Path, options: Options, say: Say
) -> AsyncIterator[DiscordReport]:
    """Measure the load of members of a simulated server."""
    subject, users = Subject(Workload(task), spec, device, cache), options.users_of(task)
    say(f"{task}: loading {spec.name}")
    async with subject.open_worker(max(users)) as (worker, _):
        for number in users:
            say(f"{task}: {number} members")
            async with simulated_members(worker, number) as members:
                yield await _by_members(subject.workload, members, number, options.effort)


async def _by_members(workload: Workload, members: SimulatedMembers, number: int, effort: Effort) -> DiscordReport:
    warm = await members.run(workload.name, workload.take(effort.number(0, number)))
    wanted = effort.number(effort.requests or effort.seconds * warm.run.rate, number)
    rounds = [await members.run(workload.name, workload.take(wanted)) for _ in range(effort.rounds)]
    return discord_report(workload.name, number, rounds)


def _preset(settings: Settings, options: Options, say: Say) -> Preset:
    if options.shapes:
        return course_shapes(settings.cache_dir, say, options.tasks or REQUESTS)
    return chosen_preset(settings, "starter")
