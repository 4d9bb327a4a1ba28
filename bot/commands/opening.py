"""Loading of checkpoints, with progress bars."""

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
    """Open a worker with all checkpoints of the preset loaded (`starter` if none is set), or raise `GlassboxError`."""
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    async with open_backend(settings, preset) as backend:
        await load(backend, console, list(preset.checkpoints))
        yield backend


async def load(backend: InferenceWorker, console: Console, tasks: Sequence[str]) -> None:
    """Load the checkpoints of tasks, with progress bars; raise `ModelUnavailable` if one can't be had."""
    if not tasks:
        return
    loading = asyncio.create_task(backend.load(tasks))
    try:
        await show_loading(console, [backend.task_state(task) for task in tasks], loading)
        await loading
    finally:
        loading.cancel()
