"""The worker answers every accepted request exactly once."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    HungAgain,
    NotResponding,
    QueueFull,
    ShuttingDown,
    StillLoading,
    TooManyRequests,
    describe,
)
from bot.inference.backend import Backend, WorkerStatus
from bot.inference.calibrations import Calibrations
from bot.inference.checkpoints.describing import FilesOnDisk, description
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.checkpoints.models import Models, ModelState, NoRoom, Phase
from bot.inference.checkpoints.residency import LoadedModel
from bot.inference.compute.device import Devices, listed
from bot.inference.driver import Computed, Driver
from bot.inference.local_answering import Computation, LocalAnswering
from bot.inference.operations import TaskRun
from bot.inference.requests import Answer, Request
from bot.inference.scheduling.hangs import Hangs, Kind
from bot.inference.scheduling.preparing import PreparingThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.sharing import SharedResults
from bot.inference.scheduling.watchdog import Watchdog
from bot.inference.status import checkpoint_status, device_statuses
from bot.inference.task import Task

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

THREADS_SECONDS = 1.0
"""A stop waits at least this long for the threads."""


@dataclass(frozen=True)
class Limits:
    """How much the worker takes on.

    Attributes:
        requests: the most that may be accepted and unanswered.
        per_person: the most of these from one person.
        seconds: the deadline of a request, counted from when its checkpoint is loaded.
        ending_seconds: after the deadline, a text gets this long to end early.
        loading_seconds: a request waits this long for its checkpoint; less than the 15 minutes of an interaction.
        drain_seconds: a stop waits this long for accepted requests.
        hang_seconds: a thread without a sign of life for this long hangs; longer than any batch takes.
        remembered: how many results are kept for equal requests.
        preparing_threads: how many threads tokenise and finish.
    """

    requests: int = 512
    per_person: int = 8
    seconds: float = 120.0
    ending_seconds: float = 5.0
    loading_seconds: float = 600.0
    drain_seconds: float = 30.0
    hang_seconds: float = 120.0
    remembered: int = 1024
    preparing_threads: int = 2


class InferenceWorker(Backend):
    """Answers requests with batched forward passes on one device or several.

    An async context manager: entering starts the worker, leaving drains it.

    Args:
        clock: returns the seconds that the watchdog compares.
    """

    def __init__(
        self,
        tasks: Iterable[Task[Any]],
        models: Models,
        devices: Devices,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = {task.request: task for task in tasks}
        self._models = models
        self._devices = listed(devices)
        self._limits = limits or Limits()
        self._queue = DeviceQueue([device.name for device in self._devices])
        self._models.serve_with(self._queue)
        self._files = FilesOnDisk(self._models.cache)
        self._preparing = PreparingThreads(self._limits.preparing_threads)
        self._driver = Driver(self._queue, self._preparing, self._models)
        self._calibrations = Calibrations(self._driver, self._models)
        self._shared = SharedResults(self._limits.remembered)
        self._leading: dict[Request[Any], Computation[Any]] = {}
        self._accepted: set[LocalAnswering[Any]] = set()
        self._people: Counter[int] = Counter()
        self._loads: set[asyncio.Timeout] = set()
        self._draining = False
        self._hangs = Hangs(self._queue, self._preparing, self._models, Watchdog(self._limits.hang_seconds, clock))
        self._watching: asyncio.Task[None] | None = None
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> InferenceWorker:
        self._queue.start()
        self._watching = asyncio.create_task(self._watch(), name="glassbox watchdog")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def submit(self, request: Request[ResultT], *, person: int) -> LocalAnswering[ResultT]:
        task: Task[ResultT] = self._tasks[type(request)]
        checkpoint = request.checkpoint or task.name
        state = self._models.state(checkpoint)
        self._admit(person)
        computation = Computation(request, person, task, checkpoint)
        answer = asyncio.create_task(self._answer(computation))
        answering = LocalAnswering(computation, answer, self._leading, state, self._queue, self._context)
        self._accepted.add(answering)
        self._people[person] += 1
        answer.add_done_callback(partial(self._release, answering))
        return answering

    def task_state(self, name: str) -> ModelState:
        return self._models.state(name)

    def status(self) -> WorkerStatus:
        return WorkerStatus(
            requests=len(self._accepted),
            rows_waiting=self._queue.waiting,
            devices=device_statuses(self._devices, self._queue, self._models),
            checkpoints=tuple(checkpoint_status(one, self._queue) for one in self._models.residents),
            evictions=self._models.evictions,
        )

    async def describe(self, task: str) -> CheckpointDescription:
        key = self._models.spec(task).key
        [resident] = [one for one in self._models.residents if one.state.spec.key == key]
        files = await self._files.of(resident)
        return description(resident, checkpoint_status(resident, self._queue), files)

    async def load(self, tasks: Collection[str], *, demanded: bool = True) -> None:
        """Load and calibrate the checkpoints of some tasks now.

        Args:
            demanded: whether other checkpoints may be evicted for them.

        Raises:
            ModelUnavailable: a checkpoint cannot be loaded.
        """
        for task in self._tasks.values():
            if task.name in tasks:
                async with self._leased(task.name, demanded=demanded) as model, self._deadline():
                    await self._calibrations.ensure(task, model)

    async def preload(self) -> None:
        """Load the checkpoints that fit beside each other, before the first request needs them.

        Failures are logged once for each checkpoint. The next request tries again.
        """
        told: set[str] = set()
        for name in self._models.tasks:
            if name in told:
                continue
            try:
                await self.load([name], demanded=False)
            except ShuttingDown:
                return
            except NoRoom:
                log.info("the checkpoint for /%s is loaded when it is asked for: there is no room beside others", name)
            except GlassboxError as error:
                failed = self._models.state(name).phase is Phase.FAILED
                names = self._models.sharing(name) if failed else (name,)
                told.update(names)
                log.error("the checkpoint for /%s is not available: %s", ", /".join(names), error.sentence)
            except Exception as error:  # a bug of ours; the other checkpoints are loaded all the same
                log.error("the checkpoint for /%s could not be loaded ahead of time: %s", name, describe(error))

    async def aclose(self) -> None:
        """Drain: accept nothing new, finish what is running, refuse the rest, and stop the threads.

        A second call does nothing.
        """
        if self._draining:
            return
        self._draining = True
        now = asyncio.get_running_loop().time
        end = now() + self._limits.drain_seconds
        await self._queue.aclose()
        for load in self._loads:
            if not load.expired():
                load.reschedule(now())
        if self._accepted:
            await asyncio.wait([one.task for one in self._accepted], timeout=self._limits.drain_seconds)
            await asyncio.gather(*self._give_up(ShuttingDown), return_exceptions=True)
        await self._calibrations.aclose()
        await self._shared.aclose()
        await self._models.aclose()
        # Together, because a thread that hangs in one place may keep one in the other.
        left = max(THREADS_SECONDS, end - now())
        if not all(await asyncio.gather(self._queue.stop(left), self._preparing.aclose(left))):
            log.error("a thread hangs, and is left behind")
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def until_hung(self) -> None:
        """Wait for as long as this process is of use.

        Raises:
            HungAgain: threads have hung more than once. Everybody has been told, and nothing more is accepted.
        """
        await self._hangs.too_many.wait()
        raise HungAgain

    def look_for_hangs(self) -> None:
        """Write off what has hung since the last look, and tell everybody who waits for it."""
        if self._hangs.look() and self._hangs.too_many.is_set():
            self._give_up(NotResponding)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._hangs.every)
            self.look_for_hangs()

    def _give_up(self, reason: Callable[[], GlassboxError]) -> list[asyncio.Task[Any]]:
        """Cancel all that is accepted; return what has yet to end."""
        for answering in self._accepted:
            answering.give_up(reason)
        return [answering.task for answering in self._accepted]

    def _admit(self, person: int) -> None:
        if self._draining or self._hangs.too_many.is_set():
            raise ShuttingDown
        if len(self._accepted) >= self._limits.requests:
            raise QueueFull(wait=max(self._driver.recent_seconds.average, self._queue.expected_seconds))
        if self._people[person] >= self._limits.per_person:
            raise TooManyRequests(self._limits.per_person)

    def _release(self, answering: LocalAnswering[Any], answer: asyncio.Task[Any]) -> None:
        person = answering.computation.person
        self._accepted.remove(answering)
        self._people[person] -= 1
        if not self._people[person]:
            del self._people[person]
        if not answer.cancelled():
            answer.exception()  # asyncio logs exceptions that nobody has retrieved

    async def _answer(self, computation: Computation[ResultT]) -> Answer[ResultT]:
        spec = self._models.spec(computation.checkpoint)
        began = time.perf_counter()
        try:
            computed: Computed[ResultT] | None = self._shared.find(computation.request)
            if computed is None:
                async with self._leased(computation.checkpoint) as model, self._deadline(computation):
                    await self._calibrations.ensure(computation.task, model)
                    began = time.perf_counter()
                    computed = await self._result(computation, model)
        except asyncio.CancelledError:
            if computation.reason is not None:
                raise computation.reason() from None
            raise
        seconds = time.perf_counter() - began
        return Answer(computed.value, spec.name, computed.device, computed.precision, seconds, spec.note)

    async def _result(self, computation: Computation[ResultT], model: LoadedModel) -> Computed[ResultT]:
        task, request = computation.task, computation.request
        run = task.steps(model.head, request)
        if task.repeatable:
            return await self._shared.get(request, lambda: self._lead(computation, run, model), task.weight)
        preview = task.previews.get(model.head.kind)
        if preview is not None:
            kind = Kind("preview", model.spec.key)
            computation.preview = partial(self._preparing.run, preview, model.head, request, kind=kind)
        return await self._driver.answer(computation, run, model)

    async def _lead(
        self, computation: Computation[ResultT], run: TaskRun[ResultT], model: LoadedModel
    ) -> Computed[ResultT]:
        """Compute what equal requests wait for, too."""
        request = computation.request
        self._leading[request] = computation
        try:
            return await self._driver.answer(computation, run, model)
        finally:
            if self._leading.get(request) is computation:  # a later one may have begun after this was given up
                del self._leading[request]

    @asynccontextmanager
    async def _deadline(self, computation: Computation[Any] | None = None) -> AsyncIterator[None]:
        """Give up what takes too long. A text that is being generated ends early instead."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as timeout:
                ending = loop.call_later(self._limits.seconds, self._end, computation, timeout)
                try:
                    yield
                finally:
                    ending.cancel()
        except TimeoutError:
            # A shorter text does not help if something hangs.
            hangs = self._hangs.silence >= self._limits.hang_seconds / 2
            raise NotResponding() if hangs else DeadlinePassed(self._limits.seconds) from None

    def _end(self, computation: Computation[Any] | None, timeout: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time()
        if computation is not None and computation.can_be_shown:
            computation.stop()
            now += self._limits.ending_seconds
        timeout.reschedule(now)

    @asynccontextmanager
    async def _leased(self, task: str, *, demanded: bool = True) -> AsyncIterator[LoadedModel]:
        """Keep a task's checkpoint on the devices while the body runs; load it first if necessary."""
        if self._draining:  # accepted, but not begun before the drain
            raise ShuttingDown
        if (model := self._models.loaded(task)) is not None:  # nearly always, and then there is nothing to wait for
            with self._models.keep(model):
                yield model
            return
        async with AsyncExitStack() as leases:
            limit = asyncio.timeout(self._limits.loading_seconds)
            try:
                async with limit:
                    self._loads.add(limit)
                    model = await leases.enter_async_context(self._models.lease(task, demanded=demanded))
            except TimeoutError:
                if self._draining:
                    raise ShuttingDown from None
                state = self._models.state(task)
                raise StillLoading(state.spec.name, state.seconds_left) from None
            finally:
                self._loads.discard(limit)
            yield model
