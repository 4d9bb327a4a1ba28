"""The worker: takes requests from any number of people, and answers every one of them exactly once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    ModelFailed,
    QueueFull,
    ShuttingDown,
    TooManyRequests,
    describe,
)
from bot.inference.backend import Backend, WorkerStatus
from bot.inference.device import Device
from bot.inference.models import LoadedModel, Models, ModelState
from bot.inference.queue import DeviceQueue
from bot.inference.requests import Answer, Request
from bot.inference.sharing import SharedResults
from bot.inference.steps import Row, Step, Steps
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
        drain_seconds: how long a stop waits for what is running.
        loading_seconds: the most that a request waits for its checkpoint; below the 15 minutes of an interaction.
        remembered: results that are kept for equal requests.
        preparing_threads: threads that tokenise and finish.
    """

    requests: int = 512
    per_person: int = 8
    seconds: float = 120.0
    loading_seconds: float = 600.0
    drain_seconds: float = 30.0
    remembered: int = 1024
    preparing_threads: int = 2


class InferenceWorker(Backend):
    """Answers requests with batched forward passes on one device.

    An async context manager: entering starts it, leaving drains it. What is running is answered, what has not begun
    is told to try again.
    """

    def __init__(
        self, tasks: Iterable[Task[Any]], models: Models, device: Device, limits: Limits | None = None
    ) -> None:
        self._tasks = {task.request: task for task in tasks}
        self._models = models
        self._device = device
        self._limits = limits or Limits()
        self._queue = DeviceQueue(device.name)
        self._preparing = ThreadPoolExecutor(self._limits.preparing_threads, thread_name_prefix="glassbox-prepare")
        self._accepted: dict[asyncio.Task[Any], int] = {}
        self._people: Counter[int] = Counter()
        self._draining = False
        self._shared = SharedResults(self._limits.remembered)
        self._under_way: dict[asyncio.Task[Any], Watch] = {}
        self._calibrations: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._loading: set[asyncio.Task[Any]] = set()
        self._stopped: set[asyncio.Task[Any]] = set()
        self._recent_seconds = 1.0

    async def __aenter__(self) -> InferenceWorker:
        self._queue.start()
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
        return await self._on_thread(watch.preview, [list(row.progress) for row in watch.rows])

    def stop(self, answer: asyncio.Task[Any]) -> None:
        watch = self._under_way.get(answer)
        for row in watch.rows if watch is not None else ():
            row.stopped = True

    def model_state(self, request: Request[Any]) -> ModelState:
        return self._models.state(self._task(request).name)

    def task_state(self, name: str) -> ModelState:
        return self._models.state(name)

    def status(self) -> WorkerStatus:
        figures = self._queue.figures
        return WorkerStatus(
            device=self._device.name,
            precision=self._device.precision,
            requests=len(self._accepted),
            rows_waiting=self._queue.waiting,
            batches=figures.batches,
            rows=figures.rows,
            waste=figures.waste,
            models={name: self._models.state(name) for name in self._models.tasks},
        )

    async def load(self, tasks: Collection[str]) -> None:
        """Load the checkpoints of some tasks now; raises `ModelUnavailable` where one is not to be had."""
        for task in self._tasks.values():
            if task.name in tasks:
                model = await self._loaded(task)
                async with self._deadline():
                    await self._calibrated(task, model)

    async def preload(self) -> None:
        """Load every checkpoint now, rather than when it is asked for first. Failures are logged, and tried again."""
        for name in self._models.tasks:
            try:
                await self.load([name])
            except ShuttingDown:
                return
            except GlassboxError as error:
                log.error("the checkpoint for /%s is not available: %s", name, error.sentence)

    async def aclose(self) -> None:
        """Take nothing new, answer what is running, tell the rest to try again, and stop the threads.

        A second call does nothing.
        """
        if self._draining:
            return
        self._draining = True
        await self._queue.aclose()
        self._stop(self._loading)
        if self._accepted:
            _, late = await asyncio.wait(self._accepted, timeout=self._limits.drain_seconds)
            self._stop(late)
            await asyncio.gather(*late, return_exceptions=True)
        for calibration in self._calibrations.values():
            calibration.cancel()
        await asyncio.gather(*self._calibrations.values(), return_exceptions=True)
        await self._shared.aclose()
        await self._queue.stop()
        await self._models.aclose()
        await asyncio.to_thread(self._preparing.shutdown, wait=True, cancel_futures=True)

    def _stop(self, waiting: Iterable[asyncio.Task[Any]]) -> None:
        """Cancel what waits, so that it ends with `ShuttingDown` (see `_telling`)."""
        for one in list(waiting):
            self._stopped.add(one)
            one.cancel()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell whom the shutdown has cancelled, and nobody else, that it is one."""
        try:
            yield
        except asyncio.CancelledError:
            if asyncio.current_task() in self._stopped:
                raise ShuttingDown from None
            raise

    def _admit(self, person: int) -> None:
        if self._draining:
            raise ShuttingDown
        if len(self._accepted) >= self._limits.requests:
            raise QueueFull(wait=self._recent_seconds)
        if self._people[person] >= self._limits.per_person:
            raise TooManyRequests(self._limits.per_person)

    def _release(self, answer: asyncio.Task[Any]) -> None:
        person = self._accepted.pop(answer)
        self._people[person] -= 1
        if not self._people[person]:
            del self._people[person]
        if not answer.cancelled():
            answer.exception()  # asyncio complains of exceptions that nobody has looked at

    def _task(self, request: Request[ResultT]) -> Task[ResultT]:
        return self._tasks[type(request)]

    async def _answer(self, request: Request[ResultT], person: int) -> Answer[ResultT]:
        task = self._task(request)
        with self._telling():
            model = await self._loaded(task)
            async with self._deadline():
                await self._calibrated(task, model)
                began = time.perf_counter()
                result = await self._result(task, model, request, person)
        seconds = time.perf_counter() - began
        self._recent_seconds += (seconds - self._recent_seconds) / 8
        return Answer(result, model.spec.name, model.device.name, model.device.precision, seconds, model.spec.note)

    async def _result(self, task: Task[ResultT], model: LoadedModel, request: Request[ResultT], person: int) -> ResultT:
        if task.repeatable:
            return await self._shared.get(request, lambda: self._drive(task.steps(model.head, request), person))
        with self._watched(task, model, request) as watch:
            return await self._drive(task.steps(model.head, request), person, watch)

    @contextmanager
    def _watched(self, task: Task[Any], model: LoadedModel, request: Request[Any]) -> Iterator[Watch]:
        """Keep what the current request has under way, so that it can be shown and stopped."""
        current = asyncio.current_task()
        assert current is not None
        preview = task.previews.get(model.head.kind)
        watch = Watch(None if preview is None else partial(preview, model.head, request))
        self._under_way[current] = watch
        try:
            yield watch
        finally:
            del self._under_way[current]

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.seconds):
                yield
        except TimeoutError:
            raise DeadlinePassed(self._limits.seconds) from None

    async def _calibrated(self, task: Task[Any], model: LoadedModel) -> None:
        """Wait until a task's checkpoint is calibrated. Whoever comes first begins it, for all; giving up does not end
        it."""
        calibrate = task.calibrations.get(model.head.kind)
        if calibrate is None:
            return
        key = (task.name, id(model.head))
        calibration = self._calibrations.get(key)
        if calibration is None or (calibration.done() and (calibration.cancelled() or calibration.exception())):
            steps = calibrate(model.head)
            calibration = asyncio.get_running_loop().create_task(self._drive(steps, person=task.name))
            self._calibrations[key] = calibration
        try:
            await asyncio.shield(calibration)
        except asyncio.CancelledError:
            if calibration.cancelled() and self._draining:
                raise ShuttingDown from None
            raise

    async def _loaded(self, task: Task[Any]) -> LoadedModel:
        if self._draining:  # accepted, but not begun before the drain
            raise ShuttingDown
        current = asyncio.current_task()
        assert current is not None
        self._loading.add(current)
        try:
            with self._telling():
                async with asyncio.timeout(self._limits.loading_seconds):
                    return await self._models.get(task.name)
        except TimeoutError:
            raise DeadlinePassed(self._limits.loading_seconds) from None
        finally:
            self._loading.discard(current)

    async def _drive(self, steps: Steps[T], person: Hashable, watch: Watch | None = None) -> T:
        """Take a task from step to step: prepared and finished on the preparing threads, computed by the queue."""
        outcome = await self._advance(steps, None)
        resumed = False
        while isinstance(outcome, Step):
            if watch is not None:
                watch.rows = outcome.rows
            outputs = await self._queue.compute(outcome, person, resumed=resumed)
            resumed = True
            outcome = await self._advance(steps, outputs)
        return outcome.value

    async def _advance(self, steps: Steps[T], outputs: list[Any] | None) -> Step | Finished[T]:
        return await self._on_thread(_advance, steps, outputs)

    async def _on_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._preparing, function, *arguments)


@dataclass
class Watch:
    """What a request has under way.

    Attributes:
        preview: makes a result of the progress of each row, where its task can.
        rows: of the step that it waits for.
    """

    preview: Callable[[list[list[Any]]], Any] | None
    rows: Sequence[Row[Any]] = ()


@dataclass(frozen=True)
class Finished(Generic[T]):
    """What a task returned. Threads cannot hand on the `StopIteration` that carries it."""

    value: T


def _advance(steps: Steps[T], outputs: list[Any] | None) -> Step | Finished[T]:
    try:
        return next(steps) if outputs is None else steps.send(outputs)
    except StopIteration as end:
        return Finished(end.value)
    except GlassboxError:
        raise
    except Exception as error:
        log.error("a task failed: %s", describe(error))
        raise ModelFailed from error
