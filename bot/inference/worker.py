"""The worker: takes requests from any number of people, and answers every one of them exactly once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    HungAgain,
    ModelFailed,
    NotFinite,
    NotResponding,
    QueueFull,
    ShuttingDown,
    StillLoading,
    TooManyRequests,
    Unanswered,
    describe,
)
from bot.inference.backend import Backend
from bot.inference.checkpoints.describing import FilesOnDisk, checkpoint_status, description, device_statuses
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.checkpoints.pool import CheckpointPool, EvictionNeeded
from bot.inference.checkpoints.residency import LoadedCheckpoint
from bot.inference.compute.device import Devices, listed
from bot.inference.operations import OperationCall, Row, TaskRun
from bot.inference.requests import Answer, Request
from bot.inference.scheduling.costs import Recent
from bot.inference.scheduling.hangs import Hangs, Kind
from bot.inference.scheduling.preparation import PreparationThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.result_cache import ResultCache
from bot.inference.scheduling.watchdog import Watchdog
from bot.inference.status import CheckpointState, Phase, WorkerStatus, in_words
from bot.inference.task import Task

ResultT = TypeVar("ResultT")
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What the worker takes on.

    Attributes:
        requests: the most that are accepted and not answered yet, of all people.
        per_person: the most of one person.
        seconds: until a request is given up, counted from when its checkpoint is loaded.
        ending_seconds: how long a text that is being written then has to end with what there is.
        drain_seconds: how long a stop waits for what is running.
        hang_seconds: without a sign of life until a thread is said to hang; above what any honest batch takes.
        loading_seconds: the most that a request waits for its checkpoint; below the 15 minutes of an interaction.
        remembered: results that are kept for equal requests.
        preparing_threads: threads that tokenise and finish.
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


THREADS_SECONDS = 1.0
"""How long a stop waits at least for threads to end what they are doing."""


class InferenceWorker(Backend):
    """Answers requests with batched forward passes on one device or several.

    An async context manager: entering starts it, leaving drains it. What is running is answered, what has not begun
    is told to try again.

    Args:
        clock: gives the seconds by which it is seen that something hangs.
    """

    def __init__(
        self,
        tasks: Iterable[Task[Any]],
        models: CheckpointPool,
        devices: Devices,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = {task.request: task for task in tasks}
        self._models = models
        self._devices = listed(devices)
        self._limits = limits or Limits()
        self._queue = DeviceQueue([device.name for device in self._devices])
        self._models.attach(self._queue)
        self._files = FilesOnDisk(self._models.cache)
        self._preparing = PreparationThreads(self._limits.preparing_threads)
        self._accepted: dict[asyncio.Task[Any], int] = {}
        self._people: Counter[int] = Counter()
        self._draining = False
        self._shared = ResultCache(self._limits.remembered)
        self._under_way: dict[asyncio.Task[Any], Watch] = {}
        self._calibrated: set[tuple[str, str]] = set()
        self._calibrations: dict[tuple[str, str], asyncio.Task[Computed[None]]] = {}
        self._loading: set[asyncio.Task[Any]] = set()
        self._stopped: dict[asyncio.Task[Any], GlassboxError] = {}
        self._recent_seconds = Recent(1.0)
        self._hangs = Hangs(self._queue, self._preparing, self._models, Watchdog(self._limits.hang_seconds, clock))
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> InferenceWorker:
        self._queue.start()
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="glassbox watchdog")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def submit(self, request: Request[ResultT], *, person: int) -> asyncio.Task[Answer[ResultT]]:
        self._admit(person)
        answer = asyncio.get_running_loop().create_task(self._answer(request, person))
        self._accepted[answer] = person
        self._people[person] += 1
        answer.add_done_callback(self._release)
        return answer

    async def run(self, request: Request[ResultT], *, person: int) -> Answer[ResultT]:
        return await self.submit(request, person=person)

    async def partial(self, answer: asyncio.Task[Answer[ResultT]]) -> ResultT | None:
        watch = self._under_way.get(answer)
        if watch is None or watch.preview is None or not any(row.progress for row in watch.rows):
            return None
        written = [list(row.progress) for row in watch.rows]
        return await self._preparing.run(watch.preview, written, kind=Kind("preview", watch.checkpoint))

    def stop(self, answer: asyncio.Task[Any]) -> None:
        watch = self._under_way.get(answer)
        for row in watch.rows if watch is not None else ():
            row.stop()

    def model_state(self, request: Request[Any]) -> CheckpointState:
        return self._models.state(self._checkpoint(request))

    def task_state(self, name: str) -> CheckpointState:
        return self._models.state(name)

    def status(self) -> WorkerStatus:
        return WorkerStatus(
            requests=len(self._accepted),
            rows_waiting=self._queue.waiting,
            devices=device_statuses(self._devices, self._queue, self._models),
            checkpoints=tuple(checkpoint_status(one, self._queue) for one in self._models.checkpoints),
            evictions=self._models.evictions,
        )

    async def describe(self, task: str) -> CheckpointDescription:
        key = self._models.spec(task).key
        [resident] = [one for one in self._models.checkpoints if one.state.spec.key == key]
        files = await self._files.of(resident)
        return description(resident, checkpoint_status(resident, self._queue), files)

    async def load(self, tasks: Collection[str], *, demanded: bool = True) -> None:
        """Load the checkpoints of some tasks now.

        Args:
            demanded: whether others may be evicted for them.

        Raises:
            ModelUnavailable: one is not to be had.
        """
        for task in self._tasks.values():
            if task.name in tasks:
                async with self._leased(task.name, demanded=demanded) as model, self._deadline():
                    await self._calibrate(task, model)

    async def preload(self) -> None:
        """Load the checkpoints now that fit, rather than when they are asked for first.

        Failures are logged, each once, and tried again when somebody asks.
        """
        told: set[str] = set()
        for name in self._models.tasks:
            if name in told:
                continue
            try:
                await self.load([name], demanded=False)
            except ShuttingDown:
                return
            except EvictionNeeded:
                log.info("the checkpoint for /%s is loaded when it is asked for: there is no room beside others", name)
            except GlassboxError as error:
                failed = self._models.state(name).phase is Phase.FAILED
                names = self._models.checkpoint(name).tasks if failed else (name,)
                told.update(names)
                log.error("the checkpoint for /%s is not available: %s", ", /".join(names), error.sentence)
            except Exception as error:  # of ours; the other checkpoints are loaded all the same
                log.error("the checkpoint for /%s could not be loaded ahead of time: %s", name, describe(error))

    async def aclose(self) -> None:
        """Take nothing new, answer what is running, tell the rest to try again, and stop the threads.

        A second call does nothing.
        """
        if self._draining:
            return
        self._draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.drain_seconds
        await self._queue.aclose()
        self._stop(self._loading, ShuttingDown())
        if self._accepted:
            _, late = await asyncio.wait(self._accepted, timeout=self._limits.drain_seconds)
            self._stop(late, ShuttingDown())
            await asyncio.gather(*late, return_exceptions=True)
        for calibration in self._calibrations.values():
            calibration.cancel()
        await asyncio.gather(*self._calibrations.values(), return_exceptions=True)
        await self._shared.aclose()
        await self._models.aclose()
        # Together, because a thread that hangs in one place may keep one in the other.
        left = max(THREADS_SECONDS, end - loop.time())
        if not all(await asyncio.gather(self._queue.stop(left), self._preparing.aclose(left))):
            log.error("a thread hangs, and is left behind")
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def until_hung(self) -> None:
        """Wait for as long as this process can be of use.

        Raises:
            HungAgain: threads hang again and again. Everybody has been told, and nothing more is accepted.
        """
        await self._hangs.too_many.wait()
        raise HungAgain

    def look_for_hangs(self) -> None:
        """Write off what has hung since the last looks, and tell those who wait for it."""
        if self._hangs.check() and self._hangs.too_many.is_set():
            self._stop(self._accepted, NotResponding())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._hangs.every)
            self.look_for_hangs()

    def _stop(self, waiting: Iterable[asyncio.Task[Any]], reason: GlassboxError) -> None:
        """Cancel what waits, so that it ends with an error (see `_telling`)."""
        for one in list(waiting):
            self._stopped[one] = reason
            one.cancel()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell those whom we have cancelled, and nobody else, why."""
        try:
            yield
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            if (reason := self._stopped.get(current)) is not None:
                raise reason from None
            raise

    def _admit(self, person: int) -> None:
        if self._draining or self._hangs.too_many.is_set():
            raise ShuttingDown
        if len(self._accepted) >= self._limits.requests:
            raise QueueFull(wait=max(self._recent_seconds.average, self._queue.expected_seconds))
        if self._people[person] >= self._limits.per_person:
            raise TooManyRequests(self._limits.per_person)

    def _release(self, answer: asyncio.Task[Any]) -> None:
        person = self._accepted.pop(answer)
        self._stopped.pop(answer, None)
        self._people[person] -= 1
        if not self._people[person]:
            del self._people[person]
        if not answer.cancelled():
            answer.exception()  # asyncio complains of exceptions that nobody has looked at

    def _task(self, request: Request[ResultT]) -> Task[ResultT]:
        return self._tasks[type(request)]

    def _checkpoint(self, request: Request[Any]) -> str:
        """The task whose checkpoint answers a request."""
        return request.checkpoint or self._task(request).name

    async def _answer(self, request: Request[ResultT], person: int) -> Answer[ResultT]:
        task = self._task(request)
        checkpoint = self._checkpoint(request)
        spec = self._models.spec(checkpoint)
        with self._telling():
            began = time.perf_counter()
            computed: Computed[ResultT] | None = self._shared.find(request)
            if computed is None:
                async with self._leased(checkpoint) as model, self._deadline():
                    await self._calibrate(task, model)
                    began = time.perf_counter()
                    computed = await self._result(task, model, request, person)
        seconds = time.perf_counter() - began
        return Answer(computed.value, spec.name, computed.device, computed.precision, seconds, spec.note)

    async def _result(
        self, task: Task[ResultT], model: LoadedCheckpoint, request: Request[ResultT], person: int
    ) -> Computed[ResultT]:
        steps = task.start(model.head, request)
        if task.repeatable:
            return await self._shared.get(request, lambda: self._computed(task, steps, model, person), task.weight)
        with self._watched(task, model, request) as watch:
            return await self._computed(task, steps, model, person, watch)

    async def _computed(
        self, task: Task[T], steps: TaskRun[T], model: LoadedCheckpoint, person: int, watch: Watch | None = None
    ) -> Computed[T]:
        """Drive a request, and remember how long that took: what is not computed takes no time, and says nothing."""
        began = time.perf_counter()
        computed = await self._drive(task.name, steps, model, person, watch)
        self._recent_seconds.note(time.perf_counter() - began)
        return computed

    @contextmanager
    def _watched(self, task: Task[Any], model: LoadedCheckpoint, request: Request[Any]) -> Iterator[Watch]:
        """Keep what the current request has under way, so that it can be shown and stopped."""
        current = asyncio.current_task()
        assert current is not None
        preview = task.previews.get(model.head.kind)
        watch = Watch(model.spec.key, None if preview is None else partial(preview, model.head, request))
        self._under_way[current] = watch
        try:
            yield watch
        finally:
            del self._under_way[current]

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """Give the current request up when it takes too long. What has been written of a text by then is kept."""
        loop = asyncio.get_running_loop()
        current = asyncio.current_task()
        assert current is not None
        try:
            async with asyncio.timeout(None) as timeout:
                ending = loop.call_later(self._limits.seconds, self._end, current, timeout)
                try:
                    yield
                finally:
                    ending.cancel()
        except TimeoutError:
            raise self._too_late() from None

    def _too_late(self) -> Unanswered:
        """Why a request was not answered in time. A shorter text helps nobody who waits for something that hangs."""
        if self._hangs.silence >= self._limits.hang_seconds / 2:
            return NotResponding()
        return DeadlinePassed(self._limits.seconds)

    def _end(self, answer: asyncio.Task[Any], timeout: asyncio.Timeout) -> None:
        """End a request early: with what there is so far, if that ends soon, or without an answer."""
        now = asyncio.get_running_loop().time()
        watch = self._under_way.get(answer)
        if watch is not None and watch.preview is not None and any(row.progress for row in watch.rows):
            self.stop(answer)
            timeout.reschedule(now + self._limits.ending_seconds)
        else:
            timeout.reschedule(now)

    async def _calibrate(self, task: Task[Any], model: LoadedCheckpoint) -> None:
        """Wait until a task's checkpoint is calibrated. Whoever comes first begins it, for all; giving up does not end
        it. A checkpoint that comes back has kept its calibrations."""
        calibration = task.calibrations.get(model.head.kind)
        key = (task.name, model.spec.key)
        if calibration is None or key in self._calibrated:
            return
        running = self._calibrations.get(key)
        if running is None:
            running = self._begin_calibration(key, calibration(model.head), model)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled() and self._draining:
                raise ShuttingDown from None
            raise

    def _begin_calibration(
        self, key: tuple[str, str], steps: TaskRun[None], model: LoadedCheckpoint
    ) -> asyncio.Task[Computed[None]]:
        lease = ExitStack()
        lease.enter_context(self._models.acquire(model))

        def end(calibration: asyncio.Task[Computed[None]]) -> None:
            del self._calibrations[key]  # a task that failed refers to the checkpoint, through its error
            lease.close()
            if not calibration.cancelled() and calibration.exception() is None:
                self._calibrated.add(key)

        calibration = asyncio.get_running_loop().create_task(self._drive(key[0], steps, model, person=key[0]))
        calibration.add_done_callback(end)
        self._calibrations[key] = calibration
        return calibration

    @asynccontextmanager
    async def _leased(self, task: str, *, demanded: bool = True) -> AsyncIterator[LoadedCheckpoint]:
        """A task's checkpoint, which stays on the devices for as long as the body runs."""
        if self._draining:  # accepted, but not begun before the drain
            raise ShuttingDown
        if (model := self._models.loaded(task)) is not None:  # nearly always, and then there is nothing to wait for
            with self._models.acquire(model):
                yield model
            return
        async with AsyncExitStack() as until_answered:
            yield await self._load(until_answered, task, demanded)

    async def _load(self, until_answered: AsyncExitStack, task: str, demanded: bool) -> LoadedCheckpoint:
        current = asyncio.current_task()
        assert current is not None
        self._loading.add(current)
        try:
            with self._telling():
                async with asyncio.timeout(self._limits.loading_seconds):
                    lease = self._models.lease(task, may_evict=demanded)
                    return await until_answered.enter_async_context(lease)
        except TimeoutError:
            state = self._models.state(task)
            raise StillLoading(state.spec.name, state.seconds_left) from None
        finally:
            self._loading.discard(current)

    async def _drive(
        self, task: str, steps: TaskRun[T], model: LoadedCheckpoint, person: Hashable, watch: Watch | None = None
    ) -> Computed[T]:
        """Take a task from step to step: prepared and finished on the preparing threads, computed by the queue."""
        kind = Kind(task, model.spec.key)
        places: dict[int, None] = {}
        outcome = await self._advance(steps, None, kind)
        resumed = False
        while isinstance(outcome, OperationCall):
            if watch is not None:
                watch.rows = outcome.rows
            try:
                outputs = await self._queue.compute(outcome, person, resumed=resumed)
            except NotFinite:
                self._suspect(model, outcome)
                raise
            places |= {row.device_index: None for row in outcome.rows if row.device_index is not None}
            resumed = True
            outcome = await self._advance(steps, outputs, kind)
        return _computed(outcome.value, model, sorted(places) or [0])

    def _suspect(self, model: LoadedCheckpoint, step: OperationCall) -> None:
        log.error("%s of %s has given numbers that are not finite", step.operation.name, model.spec.name)
        self._models.count_nonfinite(model)

    async def _advance(self, steps: TaskRun[T], outputs: list[Any] | None, kind: Kind) -> OperationCall | Finished[T]:
        return await self._preparing.run(_advance, steps, outputs, kind=kind)


@dataclass
class Watch:
    """What a request has under way.

    Attributes:
        checkpoint: the key of the one that answers it.
        preview: makes a result of the progress of each row, where its task can.
        rows: of the step that it waits for.
    """

    checkpoint: str
    preview: Callable[[list[list[Any]]], Any] | None
    rows: Sequence[Row[Any]] = ()


@dataclass(frozen=True)
class Computed(Generic[T]):
    """A value, and where it was computed."""

    value: T
    device: str
    precision: str


def _computed(value: T, model: LoadedCheckpoint, places: Sequence[int]) -> Computed[T]:
    return Computed(
        value,
        device=in_words(model.devices[place].name for place in places),
        precision=in_words(map(model.precision_on, places)),
    )


@dataclass(frozen=True)
class Finished(Generic[T]):
    """What a task returned. Threads cannot hand on the `StopIteration` that carries it."""

    value: T


def _advance(steps: TaskRun[T], outputs: list[Any] | None) -> OperationCall | Finished[T]:
    try:
        return next(steps) if outputs is None else steps.send(outputs)
    except StopIteration as end:
        return Finished(end.value)
    except GlassboxError:
        raise
    except BaseException as error:  # also `SystemExit`: it is this request's, and no reason to end the process
        log.error("a task failed: %s", describe(error))
        raise ModelFailed from error
