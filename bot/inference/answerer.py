"""The journey of a request, from the lease of its checkpoint to the answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    ModelFailed,
    NotFinite,
    NotResponding,
    ShuttingDown,
    StillLoading,
    describe,
)
from bot.inference.calibrations import Calibrations
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.residency import LoadedCheckpoint, PooledCheckpoint
from bot.inference.hangs import Hangs, Kind
from bot.inference.limits import Limits
from bot.inference.local_answering import Computation
from bot.inference.operations import OperationCall, TaskRun
from bot.inference.requests import Answer, Request
from bot.inference.scheduling.costs import Recent
from bot.inference.scheduling.preparation import PreparationThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.result_cache import ResultCache
from bot.inference.status import in_words
from bot.inference.task import Task

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computed(Generic[T]):
    """A value, with the names of the devices and data types that computed it, its seconds in the queue, and the rows of
    its largest forward pass."""

    value: T
    device: str
    precision: str
    waited: float
    rows: int


class Answerer:
    """Answers accepted requests.

    Attributes:
        leading: by request, the computations that equal requests join.
        recent_seconds: how long computations took lately.
    """

    def __init__(
        self, pool: CheckpointPool, queue: DeviceQueue, preparing: PreparationThreads, hangs: Hangs, limits: Limits
    ) -> None:
        self.leading: dict[Request[object], Computation[Any]] = {}
        self.recent_seconds = Recent(1.0)
        self._pool = pool
        self._queue = queue
        self._preparing = preparing
        self._hangs = hangs
        self._limits = limits
        self._shared = ResultCache(limits.remembered)
        self._calibrations = Calibrations(self._drive, pool)
        self._loads: set[asyncio.Timeout] = set()
        self._draining = False

    async def answer(self, computation: Computation[T]) -> Answer[T]:
        """Answer a request.

        Raises:
            GlassboxError: it cannot be answered.
        """
        spec = computation.checkpoint.state.spec
        began = time.perf_counter()
        waited, rows = 0.0, 0
        try:
            computed: Computed[T] | None = self._shared.find(computation.request)
            if computed is None:
                async with self._leased(computation.checkpoint) as model, self._deadline(computation):
                    await self._calibrations.ensure(computation.task, model)
                    began = time.perf_counter()
                    computed = await self._result(computation, model)
                    waited, rows = computed.waited, computed.rows
        except asyncio.CancelledError:
            if computation.reason is not None:
                raise computation.reason() from None
            raise
        seconds = time.perf_counter() - began
        return Answer(computed.value, spec.name, computed.device, computed.precision, seconds, spec.note, waited, rows)

    async def load(self, task: Task[Any], *, may_evict: bool) -> None:
        """Load and calibrate the checkpoint of a task.

        Args:
            may_evict: whether other checkpoints may be evicted for it.

        Raises:
            ModelUnavailable: it cannot be loaded.
        """
        async with self._leased(self._pool.checkpoint(task.name), may_evict=may_evict) as model, self._deadline():
            await self._calibrations.ensure(task, model)

    def drain(self) -> None:
        """Begin nothing more, and give up the requests that wait for a checkpoint."""
        self._draining = True
        now = asyncio.get_running_loop().time()
        for load in self._loads:
            if not load.expired():
                load.reschedule(now)

    async def aclose(self) -> None:
        """End the computations that still run after the last answer."""
        await self._calibrations.aclose()
        await self._shared.aclose()

    async def _result(self, computation: Computation[T], model: LoadedCheckpoint) -> Computed[T]:
        task, request = computation.task, computation.request
        run = task.start(model.head, request)
        # Nobody may join a computation that waits behind everybody. And a file's rows would push the results of
        # people's requests out of the cache.
        if task.repeatable and not computation.background:
            return await self._shared.get(request, lambda: self._lead(computation, run, model), task.weight)
        if not task.repeatable and (preview := task.on(model.head.kind).preview) is not None:
            kind = Kind("preview", model.spec.key)
            computation.preview = partial(self._preparing.run, preview, model.head, request, kind=kind)
        return await self._compute(computation, run, model)

    async def _lead(self, computation: Computation[T], run: TaskRun[T], model: LoadedCheckpoint) -> Computed[T]:
        """Compute the answer that equal requests share."""
        request = computation.request
        self.leading[request] = computation
        try:
            return await self._compute(computation, run, model)
        finally:
            if self.leading.get(request) is computation:  # another may have begun after this was given up
                del self.leading[request]

    async def _compute(self, computation: Computation[T], run: TaskRun[T], model: LoadedCheckpoint) -> Computed[T]:
        """Run a request's task, and remember how long it took."""
        began = time.perf_counter()
        try:
            computed = await self._drive(computation.task.name, run, model, computation.person, computation)
        finally:
            computation.release()
        if not computation.background:
            self.recent_seconds.note(time.perf_counter() - began)
        return computed

    async def _drive(
        self,
        task: str,
        run: TaskRun[T],
        model: LoadedCheckpoint,
        person: Hashable,
        computation: Computation[Any] | None = None,
    ) -> Computed[T]:
        """Run a task, call after call.

        Args:
            task: its name, for the watchdog.
            person: whose rows these are, for fairness.
            computation: learns which call it waits for.

        Raises:
            Unanswered: a row or the task failed.
        """
        kind = Kind(task, model.spec.key)
        background = computation is not None and computation.background
        devices: set[int] = set()
        resumed = False
        waited, rows = 0.0, 0
        outcome = await self._preparing.run(_advance, run, None, kind=kind, background=background)
        while isinstance(outcome, OperationCall):
            if computation is not None:
                computation.call = outcome
            try:
                behind = background or outcome.behind
                outputs = await self._queue.compute(outcome, person, resumed=resumed, background=behind)
            except NotFinite:
                log.error("%s of %s has given numbers that are not finite", outcome.operation.name, model.spec.name)
                self._pool.count_nonfinite(model)
                raise
            devices |= {row.device_index for row in outcome.rows if row.device_index is not None}
            waited += max((row.waited for row in outcome.rows), default=0.0)
            rows = max([rows, *(row.company for row in outcome.rows)])
            resumed = True
            outcome = await self._preparing.run(_advance, run, outputs, kind=kind, background=background)
        used = sorted(devices) or [0]
        return Computed(
            outcome.value,
            in_words(model.devices[index].name for index in used),
            in_words(map(model.precision_on, used)),
            waited,
            rows,
        )

    @asynccontextmanager
    async def _deadline(self, computation: Computation[Any] | None = None) -> AsyncIterator[None]:
        """Limit the time of the body. A text that is being generated ends early instead."""
        loop = asyncio.get_running_loop()
        background = computation is not None and computation.background
        seconds = self._limits.background_seconds if background else self._limits.seconds
        try:
            async with asyncio.timeout(None) as timeout:
                ending = loop.call_later(seconds, self._end, computation, timeout)
                try:
                    yield
                finally:
                    ending.cancel()
        except TimeoutError:
            # `DeadlinePassed` advises a shorter text, which does not help if a thread hangs.
            hangs = self._hangs.watchdog.silence >= self._limits.hang_seconds / 2
            raise NotResponding() if hangs else DeadlinePassed(seconds) from None

    def _end(self, computation: Computation[Any] | None, timeout: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time()
        if computation is not None and computation.can_be_shown:
            computation.stop()
            now += self._limits.ending_seconds
        timeout.reschedule(now)

    @asynccontextmanager
    async def _leased(self, pooled: PooledCheckpoint, *, may_evict: bool = True) -> AsyncIterator[LoadedCheckpoint]:
        """Keep a checkpoint on the devices while the body runs; load it first if necessary."""
        if self._draining:  # accepted, but not begun before the drain
            raise ShuttingDown
        # Nearly always, so this path sets no timer.
        if pooled.loaded is not None and pooled.leasable.is_set():
            with pooled.lease():
                yield pooled.loaded
            return
        async with AsyncExitStack() as leases:
            limit = asyncio.timeout(self._limits.loading_seconds)
            try:
                async with limit:
                    self._loads.add(limit)
                    model = await leases.enter_async_context(self._pool.lease(pooled, may_evict=may_evict))
            except TimeoutError:
                if self._draining:
                    raise ShuttingDown from None
                raise StillLoading(pooled.state.spec.name, pooled.state.seconds_left) from None
            finally:
                self._loads.discard(limit)
            yield model


@dataclass(frozen=True)
class _Finished(Generic[T]):
    """The result of a task, whose `StopIteration` no future can hold."""

    value: T


def _advance(run: TaskRun[T], outputs: list[Any] | None) -> OperationCall | _Finished[T]:
    """Run a task to its next call or to its end, on a preparation thread."""
    try:
        return next(run) if outputs is None else run.send(outputs)
    except StopIteration as end:
        return _Finished(end.value)
    except GlassboxError:
        raise
    except BaseException as error:  # `SystemExit` too: it must not end the process
        log.error("a task failed: %s", describe(error))
        raise ModelFailed from error
