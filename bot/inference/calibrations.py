"""Measurements that a task needs of a checkpoint before it can answer."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

from bot.errors import ShuttingDown
from bot.inference.checkpoints.models import Models
from bot.inference.checkpoints.residency import LoadedModel
from bot.inference.driver import Computed, Driver
from bot.inference.operations import TaskRun
from bot.inference.task import Task

_Key = tuple[str, str]
"""A task's name and a checkpoint's key."""


class Calibrations:
    """Runs each task's calibration of a checkpoint once. An evicted checkpoint keeps what was measured."""

    def __init__(self, driver: Driver, models: Models) -> None:
        self._driver = driver
        self._models = models
        self._done: set[_Key] = set()
        self._running: dict[_Key, asyncio.Task[Computed[None]]] = {}

    async def ensure(self, task: Task[Any], model: LoadedModel) -> None:
        """Wait until a checkpoint is calibrated for a task. A caller that gives up does not end the calibration.

        Raises:
            ShuttingDown: `aclose` has ended it.
            Unanswered: it has failed; the next caller tries again.
        """
        calibration = task.calibrations.get(model.head.kind)
        key = (task.name, model.spec.key)
        if calibration is None or key in self._done:
            return
        running = self._running.get(key) or self._begin(key, calibration(model.head), model)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise ShuttingDown from None
            raise

    async def aclose(self) -> None:
        """Cancel the calibrations that are running."""
        for calibration in self._running.values():
            calibration.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _begin(self, key: _Key, run: TaskRun[None], model: LoadedModel) -> asyncio.Task[Computed[None]]:
        lease = ExitStack()
        lease.enter_context(self._models.keep(model))

        def end(calibration: asyncio.Task[Computed[None]]) -> None:
            del self._running[key]  # a task that failed refers to the checkpoint through its traceback
            lease.close()
            if not calibration.cancelled() and calibration.exception() is None:
                self._done.add(key)

        calibration = asyncio.create_task(self._driver.drive(key[0], run, model, person=key[0]))
        calibration.add_done_callback(end)
        self._running[key] = calibration
        return calibration
