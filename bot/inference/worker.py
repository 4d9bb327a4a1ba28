"""The worker, which answers every accepted request exactly once."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from bot.errors import (
    DeviceFailed,
    DeviceGone,
    GlassboxError,
    NotResponding,
    ProcessBroken,
    QueueFull,
    ShuttingDown,
    TooManyRequests,
    describe,
)
from bot.inference.answerer import Answerer
from bot.inference.backend import Backend
from bot.inference.bundles import Bundle, Bundling, bundled
from bot.inference.checkpoints.describing import FilesOnDisk, checkpoint_status, description, device_statuses
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.checkpoints.offers import Offers
from bot.inference.checkpoints.pool import CheckpointPool, EvictionNeeded
from bot.inference.checkpoints.residency import PooledCheckpoint
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.compute.device import Devices, listed
from bot.inference.hangs import Hangs
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.limits import Limits
from bot.inference.local_answering import Computation, LocalAnswering
from bot.inference.observer import Observer, Unobserved
from bot.inference.requests import Request
from bot.inference.scheduling.preparation import PreparationThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.watchdog import Watchdog
from bot.inference.status import CheckpointStatus, Phase, WorkerStatus
from bot.inference.task import Task

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

__all__ = ["InferenceWorker", "Limits"]

GIVING_WAY_SECONDS = 2.0
"""How long preloading waits for people's answers. Reading a large tokenizer stops all threads meanwhile."""
THREADS_SECONDS = 1.0
"""The least time that a stop waits for the threads."""


class InferenceWorker(Backend, Bundling):
    """Answers requests with batched forward passes on one device or several.

    An async context manager: entering starts the worker, leaving drains it.

    Args:
        clock: the watchdog's, in seconds.
        observer: hears of batches, answers and loads.
    """

    def __init__(
        self,
        tasks: Iterable[Task[Any]],
        pool: CheckpointPool,
        devices: Devices,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self._tasks = {task.request: task for task in tasks}
        self._bundled = {task.request: bundled(task) for task in self._tasks.values()}
        self._offers = Offers(self._tasks.values())
        self._pool = pool
        self._devices = listed(devices)
        self._limits = limits or Limits()
        self._observer = observer or Unobserved()
        self._queue = DeviceQueue([device.name for device in self._devices], self._observer)
        self._pool.attach(self._queue, self._observer)
        self._files = FilesOnDisk(self._pool.cache)
        self._preparing = PreparationThreads(self._limits.preparing_threads)
        self._accepted: set[LocalAnswering[Any]] = set()
        self._people: Counter[int] = Counter()
        self._background = 0
        self._draining = False
        self._preloaded = False
        self._hangs = Hangs(
            self._queue,
            self._preparing,
            self._pool,
            Watchdog(self._limits.hang_seconds, clock),
            Watchdog(max(self._limits.hang_seconds, self._limits.loading_seconds), clock),
        )
        self._answerer = Answerer(self._pool, self._queue, self._preparing, self._hangs, self._limits)
        self._watching: list[asyncio.Task[None]] = []
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> InferenceWorker:
        self._queue.start()
        self._watching = [
            asyncio.create_task(self._watch(), name="glassbox watchdog"),
            asyncio.create_task(self._watch_devices(), name="glassbox devices"),
        ]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def submit(self, request: Request[ResultT], *, person: int, background: bool = False) -> LocalAnswering[ResultT]:
        return self._submit(request, self._tasks[type(request)], person, background)

    def submit_bundle(
        self, requests: Sequence[Request[ResultT]], *, person: int
    ) -> LocalAnswering[tuple[ResultT, ...]]:
        return self._submit(Bundle.of(requests), self._bundled[type(requests[0])], person, background=True)

    def _submit(
        self, request: Request[ResultT], task: Task[ResultT], person: int, background: bool
    ) -> LocalAnswering[ResultT]:
        began = time.perf_counter()
        try:
            checkpoint = self._chosen(request, task)
            self._admit(person, background)
        except GlassboxError as error:
            if not background:
                self._observer.answered(task.name, 0.0, error)
            raise
        if request.checkpoint is not None and (request.checkpoint_task or task.name) in checkpoint.tasks:
            request = replace(request, checkpoint=None)  # equal to the requests of those who have not chosen
        computation = Computation(request, person, task, checkpoint, background)
        answer = asyncio.create_task(self._answerer.answer(computation))
        answering = LocalAnswering(
            computation, answer, self._answerer.leading, checkpoint.state, self._queue, self._context
        )
        self._accepted.add(answering)
        self._count(computation, 1)
        answer.add_done_callback(partial(self._release, answering, began))
        return answering

    def task_state(self, name: str) -> CheckpointState:
        """Return the state of a task's checkpoint; raise `ModelUnavailable` if none is set."""
        return self._pool.state(name)

    def languages(self, name: str) -> LanguagePairs | None:
        return self._pool.find(name).state.languages

    def status(self) -> WorkerStatus:
        return WorkerStatus(
            requests=len(self._accepted),
            rows_waiting=self._queue.waiting,
            devices=device_statuses(self._devices, self._queue, self._pool),
            checkpoints=tuple(map(self._status_of, self._pool.checkpoints)),
            evictions=self._pool.evictions,
            accepting=not self._is_closed,
            preloaded=self._preloaded,
        )

    async def describe(self, name: str) -> CheckpointDescription:
        checkpoint = self._pool.find(name)
        files = await self._files.of(checkpoint)
        return description(checkpoint, self._status_of(checkpoint), files)

    def _status_of(self, checkpoint: PooledCheckpoint) -> CheckpointStatus:
        return checkpoint_status(checkpoint, self._queue, self._offers.of(checkpoint))

    def _chosen(self, request: Request[Any], task: Task[Any]) -> PooledCheckpoint:
        """Return the checkpoint that answers a request.

        Raises:
            ModelUnavailable: none is set for its task.
            InvalidRequest: the one that was chosen cannot be.
        """
        if request.checkpoint is None:
            return self._pool.checkpoint(request.checkpoint_task or task.name)
        return self._offers.find(self._pool.checkpoints, request.checkpoint, task)

    async def load(self, tasks: Collection[str], *, may_evict: bool = True) -> None:
        """Load and calibrate the checkpoints of some tasks now.

        Args:
            may_evict: whether this may evict other checkpoints.

        Raises:
            ModelUnavailable: a checkpoint cannot be loaded.
        """
        for task in self._tasks.values():
            if task.name in tasks:
                await self._answerer.load(task, may_evict=may_evict)

    async def load_checkpoint(self, name: str) -> None:
        checkpoint = self._pool.find(name)
        if checkpoint.tasks:
            await self.load(checkpoint.tasks)
            return
        async with self._pool.lease(checkpoint):
            pass

    async def unload_checkpoint(self, name: str) -> None:
        await self._pool.unload(self._pool.find(name))

    async def preload(self, connected: asyncio.Event | None = None) -> None:
        """Load the checkpoints that fit together before the first request needs them; fetch those to choose from.

        Logs failures once for each checkpoint; the next request tries again.

        Args:
            connected: set when people can ask. Until then nothing is downloaded, and only the first checkpoint is
                loaded; the people who have asked by then are answered before the next one is.
        """
        told: set[str] = set()
        for index, name in enumerate(self._pool.tasks):
            if name in told:
                continue
            if connected is not None and (index > 0 or not await self._pool.is_on_disk(name)):
                await connected.wait()
                await self._wait_for_answers(GIVING_WAY_SECONDS)
            try:
                await self.load([name], may_evict=False)
            except ShuttingDown:
                return
            except EvictionNeeded:
                log.info("the checkpoint for /%s is loaded when it is asked for: there is no room beside others", name)
            except GlassboxError as error:
                failed = self._pool.state(name).phase is Phase.FAILED
                names = self._pool.checkpoint(name).tasks if failed else (name,)
                told.update(names)
                log.error("the checkpoint for /%s is not available: %s", ", /".join(names), error.english)
            except Exception as error:  # a bug of ours; the other checkpoints are loaded all the same
                log.error("the checkpoint for /%s could not be loaded ahead of time: %s", name, describe(error))
        self._preloaded = True
        await self._fetch_choices()

    async def _fetch_choices(self) -> None:
        """Fetch the checkpoints that no task uses by itself; none is loaded before somebody chooses it."""
        for pooled in self._pool.checkpoints:
            if not pooled.tasks:
                try:
                    await self._pool.fetch(pooled)
                except GlassboxError as error:
                    log.error("%s cannot be chosen: %s", pooled.state.spec.name, error.english)

    async def aclose(self) -> None:
        """Drain: accept nothing new, finish what is running, refuse the rest, and stop the threads.

        A text that takes too long ends as at its deadline, with what is written. A second call does nothing.
        """
        if self._draining:
            return
        self._draining = True
        now = asyncio.get_running_loop().time
        end = now() + self._limits.drain_seconds
        await self._queue.aclose()
        self._answerer.drain()
        ending = min(self._limits.ending_seconds, self._limits.drain_seconds / 2)
        await self._wait_for_answers(end - now() - ending)
        for one in self._accepted:
            one.end()
        await self._wait_for_answers(end - now())
        await asyncio.gather(*self._give_up(ShuttingDown), return_exceptions=True)
        await self._answerer.aclose()
        await self._pool.aclose()
        # Together, because a device's thread that hangs may keep a preparation thread waiting, and the reverse.
        left = max(THREADS_SECONDS, end - now())
        if not all(await asyncio.gather(self._queue.stop(left), self._preparing.aclose(left))):
            log.error("a thread hangs, and is left behind")
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def _wait_for_answers(self, seconds: float) -> None:
        if self._accepted:
            await asyncio.wait([one.task for one in self._accepted], timeout=max(0.0, seconds))

    async def until_broken(self) -> None:
        """Wait until only a new process helps. Everybody has been told by then, and nothing more is accepted.

        Raises:
            ProcessBroken: always.
        """
        waits = [asyncio.ensure_future(one.wait()) for one in (self._hangs.too_many, self._queue.device_gone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        raise self._broken_by or self._hangs.reason

    def look_for_hangs(self) -> None:
        """Discard what has hung since the last check, and tell everybody who waits for it."""
        if self._hangs.check() and self._hangs.too_many.is_set():
            self._give_up(NotResponding)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._hangs.watchdog.every)
            self.look_for_hangs()

    async def _watch_devices(self) -> None:
        """When a device computes nothing more, tell everybody: the others wait for its answer, or for its memory."""
        await self._queue.device_gone.wait()
        log.error("a device computes nothing more: this process cannot continue")
        self._give_up(DeviceFailed)

    def _give_up(self, reason: Callable[[], GlassboxError]) -> list[asyncio.Task[object]]:
        """Cancel all accepted requests; return their tasks, which have yet to end."""
        for answering in self._accepted:
            answering.give_up(reason)
        return [answering.task for answering in self._accepted]

    @property
    def _is_closed(self) -> bool:
        return self._draining or self._broken_by is not None

    @property
    def _broken_by(self) -> type[ProcessBroken] | None:
        """Why only a new process helps, if so."""
        if self._queue.device_gone.is_set():
            return DeviceGone
        return self._hangs.reason if self._hangs.too_many.is_set() else None

    @property
    def _expected_seconds(self) -> float:
        """Seconds until what is accepted is answered."""
        # The rows of a request that waits for its checkpoint are not in the queue yet.
        awaited = [one.state for one in self._pool.checkpoints if one.leases and one.loaded is None]
        loading = max((one.seconds_left or one.expected_seconds for one in awaited), default=0.0)
        return max(self._answerer.recent_seconds.average, loading + self._queue.expected_seconds)

    def _admit(self, person: int, background: bool) -> None:
        if self._is_closed:
            raise ShuttingDown
        if background:
            if self._background >= self._limits.background:
                raise QueueFull(wait=self._answerer.recent_seconds.average)
            return
        if len(self._accepted) - self._background >= self._limits.requests:
            raise QueueFull(wait=self._expected_seconds)
        if self._people[person] >= self._limits.per_person:
            raise TooManyRequests(self._limits.per_person)

    def _count(self, computation: Computation[Any], change: int) -> None:
        if computation.background:
            self._background += change
            return
        self._people[computation.person] += change
        if not self._people[computation.person]:
            del self._people[computation.person]

    def _release(self, answering: LocalAnswering[Any], began: float, answer: asyncio.Task[object]) -> None:
        self._accepted.remove(answering)
        self._count(answering.computation, -1)
        if answering.computation.background:  # its wait says nothing about people's
            return
        error = asyncio.CancelledError() if answer.cancelled() else answer.exception()
        self._observer.answered(answering.computation.task.name, time.perf_counter() - began, error)
