"""Runs a task from call to call: preparing threads prepare and finish, devices compute."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.errors import GlassboxError, ModelFailed, NotFinite, describe
from bot.inference.backend import in_words
from bot.inference.checkpoints.models import Models
from bot.inference.checkpoints.residency import LoadedModel
from bot.inference.local_answering import Computation
from bot.inference.operations import OperationCall, TaskRun
from bot.inference.scheduling.costs import Recent
from bot.inference.scheduling.hangs import Kind
from bot.inference.scheduling.preparing import PreparingThreads
from bot.inference.scheduling.queue import DeviceQueue

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computed(Generic[T]):
    """A value, and the devices and data types that it was computed with."""

    value: T
    device: str
    precision: str


class Driver:
    """Runs tasks to their ends.

    Attributes:
        recent_seconds: how long requests took lately.
    """

    def __init__(self, queue: DeviceQueue, preparing: PreparingThreads, models: Models) -> None:
        self.recent_seconds = Recent(1.0)
        self._queue = queue
        self._preparing = preparing
        self._models = models

    async def answer(self, computation: Computation[T], run: TaskRun[T], model: LoadedModel) -> Computed[T]:
        """Run a request's task, and remember how long it took.

        Raises:
            Unanswered: a row has failed, or the task.
        """
        began = time.perf_counter()
        try:
            computed = await self.drive(computation.task.name, run, model, computation.person, computation)
        finally:
            computation.release()
        self.recent_seconds.note(time.perf_counter() - began)
        return computed

    async def drive(
        self,
        task: str,
        run: TaskRun[T],
        model: LoadedModel,
        person: Hashable,
        computation: Computation[Any] | None = None,
    ) -> Computed[T]:
        """Run a task, call after call.

        Args:
            task: its name, for the watchdog.
            person: whose rows these are, for fairness.
            computation: is told which call it waits for.

        Raises:
            Unanswered: a row has failed, or the task.
        """
        kind = Kind(task, model.spec.key)
        devices: set[int] = set()
        resumed = False
        outcome = await self._preparing.run(_advance, run, None, kind=kind)
        while isinstance(outcome, OperationCall):
            if computation is not None:
                computation.call = outcome
            try:
                outputs = await self._queue.compute(outcome, person, resumed=resumed)
            except NotFinite:
                log.error("%s of %s has given numbers that are not finite", outcome.operation.name, model.spec.name)
                self._models.suspect(model)
                raise
            devices |= {row.place for row in outcome.rows if row.place is not None}
            resumed = True
            outcome = await self._preparing.run(_advance, run, outputs, kind=kind)
        used = sorted(devices) or [0]
        return Computed(
            outcome.value,
            in_words(model.devices[index].name for index in used),
            in_words(map(model.precision_on, used)),
        )


@dataclass(frozen=True)
class _Finished(Generic[T]):
    """What a task returned. A thread cannot hand on the `StopIteration` that carries it."""

    value: T


def _advance(run: TaskRun[T], outputs: list[Any] | None) -> OperationCall | _Finished[T]:
    """Run a task up to its next call, or to its end."""
    try:
        return next(run) if outputs is None else run.send(outputs)
    except StopIteration as end:
        return _Finished(end.value)
    except GlassboxError:
        raise
    except BaseException as error:  # `SystemExit` too belongs to this request, and must not end the process
        log.error("a task failed: %s", describe(error))
        raise ModelFailed from error
