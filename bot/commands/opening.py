"""Load checkpoints, and show the progress."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from rich.console import Console

from bot.app import chosen_preset, open_backend
from bot.commands.terminal import show_loading
from bot.inference.worker import InferenceWorker
from bot.settings import Settings


@contextlib.asynccontextmanager
async def loaded_backend(settings: Settings, console: Console) -> AsyncIterator[InferenceWorker]:
    """Open the worker of the preset, with all its checkpoints loaded; the starter preset if none is set.

    Raises:
        SettingsError: the preset, a checkpoint or the device can't be had.
        ModelUnavailable: a checkpoint cannot be fetched or loaded.
    """
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend:
        await load(backend, console, list(preset.checkpoints))
        yield backend


async def load(backend: InferenceWorker, console: Console, tasks: Sequence[str]) -> None:
    """Load the checkpoints of tasks, and show the progress.

    Raises:
        ModelUnavailable: one cannot be fetched or loaded.
    """
    if not tasks:
        return
    loading = asyncio.create_task(backend.load(tasks))
    try:
        await show_loading(console, [backend.task_state(task) for task in tasks], loading)
        await loading
    finally:
        loading.cancel()
