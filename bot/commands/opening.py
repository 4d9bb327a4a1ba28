"""A worker with its checkpoints loaded, and the loading shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from rich.console import Console

from bot.app import chosen_preset, open_backend
from bot.inference.worker import InferenceWorker
from bot.settings import Settings
from bot.terminal import show_loading


@contextlib.asynccontextmanager
async def loaded_backend(
    settings: Settings, console: Console, tasks: Iterable[str] | None = None
) -> AsyncIterator[InferenceWorker]:
    """The starter preset's worker, unless another preset is set, with the checkpoints of some tasks (or all) loaded.

    Raises:
        SettingsError: the preset, a checkpoint or the device is not to be had.
        ModelUnavailable: a checkpoint cannot be fetched or loaded.
    """
    preset = chosen_preset(settings, "starter")
    async with open_backend(settings, preset) as backend:
        wanted = list(preset.checkpoints if tasks is None else tasks)
        loading = asyncio.create_task(backend.load(wanted))
        await show_loading(console, [backend.task_state(task) for task in wanted], loading)
        await loading
        yield backend
