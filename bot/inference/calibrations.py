"""Measurements that a task needs of a checkpoint before it can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextlib import ExitStack
from typing import Any

from bot.errors import ShuttingDown
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.residency import LoadedCheckpoint
from bot.inference.operations import TaskRun
from bot.inference.task import Task

Drive = Callable[[str, TaskRun[None], LoadedCheckpoint, Hashable], Coroutine[Any, Any, object]]
_Key = tuple[str, str]
"""A task's name and a checkpoint's key."""


class Calibrations:
    """Runs each task's calibration of a checkpoint once. An evicted checkpoint keeps its measurements.

    Args:
        drive: runs the calibration of a task, on a checkpoint, for a flow of the fair queue.
    """

    def __init__(self, drive: Drive, pool: CheckpointPool) -> None:
        self._drive = drive
        self._pool = pool
        self._done: set[_Key] = set()
        self._running: dict[_Key, asyncio.Task[object]] = {}

    async def ensure(self, task: Task[Any], model: LoadedCheckpoint) -> None:
        """Wait until a checkpoint is calibrated for a task. A caller that gives up does not end the calibration.

        Raises:
            ShuttingDown: `aclose` has ended it.
            Unanswered: it has failed; the next caller tries again.
        """
        key = (task.name, model.spec.key)
        run = None if key in self._done else task.calibration(model.head)
        if run is None:
            return
        running = self._running.get(key) or self._begin(key, run, model)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise ShuttingDown from None
            raise
        finally:
            del running  # its error refers to this frame: such a circle would keep the checkpoint in memory

    async def aclose(self) -> None:
        """Cancel the calibrations that are running."""
        for calibration in self._running.values():
            calibration.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _begin(self, key: _Key, run: TaskRun[None], model: LoadedCheckpoint) -> asyncio.Task[object]:
        lease = ExitStack()
        lease.enter_context(self._pool.acquire(model))

        def end(calibration: asyncio.Task[object]) -> None:
            del self._running[key]  # if it failed, its traceback refers to the checkpoint
            lease.close()
            if not calibration.cancelled() and calibration.exception() is None:
                self._done.add(key)

        calibration = asyncio.create_task(self._drive(key[0], run, model, key[0]))
        calibration.add_done_callback(end)
        self._running[key] = calibration
        return calibration
