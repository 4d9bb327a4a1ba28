"""The pool of checkpoints: it fetches and loads them in the background, leases them, and evicts idle ones."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import GlassboxError, ModelUnavailable, describe, no_checkpoint
from bot.inference.checkpoints.abilities import read_abilities
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, Preset
from bot.inference.checkpoints.freeing import free
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.loading_times import LoadingTimes
from bot.inference.checkpoints.memory_limit import MemoryLimits, by_device
from bot.inference.checkpoints.meta_model import MODEL_BUILDING
from bot.inference.checkpoints.residency import LoadedCheckpoint, PooledCheckpoint
from bot.inference.checkpoints.sources import fetch, is_present
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.checkpoints.weights import expected_bytes
from bot.inference.checkpoints.worker_thread import Reports, Work, WorkerThread
from bot.inference.compute.device import Devices, listed
from bot.inference.compute.device_faults import is_final
from bot.inference.compute.memory import free_checkpoints, is_out_of_memory
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.observer import Observer, Unobserved
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.status import Phase
from bot.inference.task import Abilities
from bot.locales.message import later

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

log = logging.getLogger(__name__)


class EvictionNeeded(ModelUnavailable):
    """Loading a checkpoint would evict others, and the caller did not allow that."""

    def __init__(self, name: str) -> None:
        super().__init__(later("There is no room for {name} beside the other checkpoints.", name=name))


class CheckpointPool:
    """Loads the checkpoints of a preset, a replica on each device, and evicts the least recently used ones.

    Args:
        limits: for the weights; None sets none.
    """

    def __init__(self, preset: Preset, devices: Devices, cache: Path, limits: MemoryLimits | None = None) -> None:
        self.devices = listed(devices)
        self.limits = limits or MemoryLimits()
        self.evictions = 0
        self.cache = cache
        self._preset = preset
        self._pooled: dict[str, PooledCheckpoint] = {}
        for spec in preset.specs:
            declared = None if spec.languages is None else LanguagePairs.of(spec.languages)
            state = CheckpointState(spec, languages=declared)
            self._pooled[spec.key] = PooledCheckpoint(state, preset.tasks_of(spec), preset.given_to(spec))
        # Two threads, so that a reload does not wait for another checkpoint's download.
        self._fetching = WorkerThread("glassbox-fetch")
        self._loading = WorkerThread("glassbox-load")
        self._making_room = asyncio.Lock()
        self._times = LoadingTimes(cache / "loading-times.json")
        self._queue: DeviceQueue | None = None
        self._observer: Observer = Unobserved()

    def attach(self, queue: DeviceQueue, observer: Observer) -> None:
        """Add every checkpoint that is loaded from now on to a queue, and tell an observer of it."""
        self._queue = queue
        self._observer = observer

    @property
    def tasks(self) -> Iterable[str]:
        """The tasks that have a checkpoint."""
        return self._preset.checkpoints

    @property
    def checkpoints(self) -> list[PooledCheckpoint]:
        """Every checkpoint: the preset's, in the order of its tasks, then those that may be chosen besides."""
        return list(self._pooled.values())

    @property
    def used(self) -> Mapping[str, int]:
        """Bytes of weights, by device name."""
        return sum((one.reserved for one in self.checkpoints), Counter())

    def spec(self, task: str) -> CheckpointSpec:
        """Return the checkpoint that is set for a task.

        Raises:
            ModelUnavailable: none is set.
        """
        spec = self._preset.checkpoints.get(task)
        if spec is None:
            raise no_checkpoint(task)
        return spec

    def checkpoint(self, task: str) -> PooledCheckpoint:
        """Return a task's checkpoint, loaded or not; raises like `spec`."""
        return self._pooled[self.spec(task).key]

    def find(self, name: str) -> PooledCheckpoint:
        """Return the checkpoint of a task, or of its own name; raises like `spec`."""
        if name not in self._preset.checkpoints:
            for pooled in self.checkpoints:
                if pooled.state.spec.name == name:
                    return pooled
        return self.checkpoint(name)

    def state(self, task: str) -> CheckpointState:
        """Return the state of a task's checkpoint; raises like `spec`."""
        return self.checkpoint(task).state

    async def get(self, task: str) -> LoadedCheckpoint:
        """Return a task's checkpoint, loaded, without a lease: it may be evicted at any time."""
        async with self.lease(task) as model:
            return model

    async def is_on_disk(self, task: str) -> bool:
        """Return whether nothing needs to be downloaded for a task's checkpoint; raises like `spec`."""
        spec = self.spec(task)
        # To look into a folder might take long, and it is on the disk whatever is in it.
        return isinstance(spec.source, FolderSource) or await self._fetching.run(is_present, spec, self.cache)

    async def fetch(self, pooled: PooledCheckpoint) -> None:
        """Fetch a checkpoint's files, if that has not been done, and look at what it can do. Loads no weights.

        Raises:
            ModelUnavailable: they cannot be fetched.
        """
        if pooled.folder is None:
            with self._failure_noted(pooled):
                await self._fetch(pooled)
                pooled.state.phase = Phase.WAITING

    @asynccontextmanager
    async def lease(self, wanted: str | PooledCheckpoint, *, may_evict: bool = True) -> AsyncIterator[LoadedCheckpoint]:
        """Load a checkpoint, and keep it on the devices while the body runs.

        A load that failed is tried again by the next caller.

        Args:
            wanted: a task, for its checkpoint; or a checkpoint of this pool.
            may_evict: whether this may evict other checkpoints.

        Raises:
            ModelUnavailable: it cannot be fetched or loaded.
            EvictionNeeded: others would have to be evicted, and must not be.
        """
        pooled = self.checkpoint(wanted) if isinstance(wanted, str) else wanted
        # If its eviction is pending, newcomers wait until it is back. So two checkpoints that do not fit together take
        # turns, and neither starves.
        while not pooled.leasable.is_set():
            await pooled.leasable.wait()
        with pooled.lease():
            if pooled.loaded is None:
                await self._load_once(pooled, may_evict)
            if pooled.loaded is None:  # a thread hung in it, and it was discarded in the meantime
                raise ModelUnavailable(later("{name} was unloaded. Please try again.", name=pooled.state.spec.name))
            yield pooled.loaded

    def acquire(self, model: LoadedCheckpoint) -> AbstractContextManager[None]:
        """Lease a loaded checkpoint, or extend a lease beyond its body."""
        return self._pooled[model.spec.key].lease()

    def count_nonfinite(self, model: LoadedCheckpoint) -> None:
        """Count a request that failed because a checkpoint's numbers were not finite."""
        self._pooled[model.spec.key].nonfinite += 1

    async def unload(self, pooled: PooledCheckpoint) -> None:
        """Take a checkpoint off the devices once its leases have ended. Until then no other one is loaded.

        Who needs it meanwhile waits, and loads it again.
        """
        async with self._making_room:
            if pooled.loaded is not None:
                await self._take_off(pooled)
                log.info("%s was unloaded by the operator", pooled.state.spec.name)

    @property
    def heartbeats(self) -> dict[Hashable, Hashable]:
        """What the threads do that fetch and load, each with a value that changes with its progress."""
        return {**self._fetching.heartbeats, **self._loading.heartbeats}

    def discard(self, hung: Work, error: GlassboxError) -> bool:
        """Give up a fetch or a load that hangs: all who wait for it get an error, and the next one tries again.

        Returns:
            Whether this process can still load checkpoints.
        """
        can_load = hung.thread is None or MODEL_BUILDING.holder is not hung.thread
        for thread in (self._fetching, self._loading):
            thread.replace(hung, error)
        return can_load

    async def aclose(self) -> None:
        """Cancel all loads. The threads finish their current call by themselves."""
        loads = [one.loading for one in self.checkpoints if one.loading is not None]
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
        for thread in (self._fetching, self._loading):
            thread.shutdown()

    async def _load_once(self, pooled: PooledCheckpoint, may_evict: bool) -> None:
        """Load a checkpoint, or wait for the load that is running."""
        pooled.may_evict |= may_evict
        if pooled.loading is None or pooled.loading.done():
            pooled.loading = asyncio.get_running_loop().create_task(self._load(pooled))
            pooled.loading.add_done_callback(partial(_end_load, pooled))
        # Shielded: a cancelled request must not cancel the load that others wait for.
        await asyncio.shield(pooled.loading)

    async def _load(self, pooled: PooledCheckpoint) -> None:
        state = pooled.state
        before, state.phase = state.phase, Phase.WAITING
        try:
            with self._failure_noted(pooled):
                folder = pooled.folder or await self._fetch(pooled)
                state.phase, state.activity = Phase.WAITING, ""
                async with self._making_room:
                    heads = await self._load_in_room(pooled, folder)
                    pooled.loaded = self._register(pooled, heads)
        except EvictionNeeded:
            state.phase = Phase.EVICTED if before is Phase.EVICTED else Phase.WAITING
            raise
        finally:
            pooled.reserved = Counter() if pooled.loaded is None else pooled.loaded.bytes
        state.phase = Phase.READY
        pooled.touch()

    async def _fetch(self, pooled: PooledCheckpoint) -> Path:
        spec, state = pooled.state.spec, pooled.state
        fetching = partial(_fetch_blocking, spec, self.cache, state)
        folder, abilities = await self._fetching.run_reporting(fetching, pooled)
        pooled.folder, pooled.abilities = folder, abilities
        return folder

    @contextmanager
    def _failure_noted(self, pooled: PooledCheckpoint) -> Iterator[None]:
        """Note if a checkpoint cannot be used; raise `ModelUnavailable` for errors without a sentence."""
        try:
            yield
        except EvictionNeeded:
            raise
        except GlassboxError:
            self._fail(pooled)
            raise
        except Exception as error:
            self._fail(pooled)
            name = pooled.state.spec.name
            log.error("loading %s failed: %s", name, describe(error))
            raise ModelUnavailable(
                later("{name} could not be loaded, and the failure has been logged.", name=name)
            ) from error

    def _fail(self, pooled: PooledCheckpoint) -> None:
        pooled.state.phase, pooled.folder = Phase.FAILED, None
        self._observer.not_loaded(pooled.state.spec.name)

    async def _load_in_room(self, pooled: PooledCheckpoint, folder: Path) -> tuple[Head, ...]:
        """Make room for a checkpoint and load it; if it does not fit after all, evict all others and try once more."""
        each = [await self._loading.run(expected_bytes, folder, device.dtype.itemsize) for device in self.devices]
        needed = by_device(self.devices, each)
        await self._make_room(pooled, needed)
        pooled.reserved = needed
        heads = await self._try_to_load(pooled, folder)
        if heads is None:
            log.warning("%s did not fit, and is tried again when nothing else is loaded", pooled.state.spec.name)
            await self._make_room(pooled, None)
            heads = await self._try_to_load(pooled, folder)
        if heads is None:
            raise ModelUnavailable(
                later(
                    "{name} is too large for the memory of my device. Whoever runs this bot can set a smaller "
                    "checkpoint, or a PRECISION with fewer bits.",
                    name=pooled.state.spec.name,
                )
            )
        return heads

    def _register(self, pooled: PooledCheckpoint, heads: tuple[Head, ...]) -> LoadedCheckpoint:
        sizes = by_device(self.devices, (head.weight_bytes for head in heads))
        for head in heads:
            head.calibrations = pooled.calibrations
        if self._queue is not None:
            self._queue.add(heads)
        return LoadedCheckpoint(pooled.state.spec, heads, self.devices, sizes)

    async def _make_room(self, pooled: PooledCheckpoint, needed: Counter[str] | None) -> None:
        """Evict others until the checkpoint fits, or until nothing else is loaded.

        Args:
            needed: bytes by device name; None evicts all others.
        """
        while others := [one for one in self.checkpoints if one.loaded is not None]:
            if needed is not None and self.limits.allow([needed, *(one.reserved for one in others)]):
                return
            if not pooled.may_evict:
                raise EvictionNeeded(pooled.state.spec.name)
            chosen = min(others, key=lambda one: (one.leases > 0, one.last_used or 0.0))
            await self._take_off(chosen)
            self.evictions += 1
            log.info("%s was evicted to make room for another checkpoint", chosen.state.spec.name)

    async def _take_off(self, pooled: PooledCheckpoint) -> None:
        """Take a checkpoint off the devices once its leases have ended."""
        pooled.leasable.clear()
        try:
            await pooled.unleased.wait()
            if self._queue is not None and pooled.loaded is not None:
                await self._queue.retire(pooled.loaded.head)
            await self._loading.run(free, pooled.unload())
        finally:
            pooled.leasable.set()

    async def _try_to_load(self, pooled: PooledCheckpoint, folder: Path) -> tuple[Head, ...] | None:
        """Load the replicas; return None if the memory does not suffice."""
        try:
            return await self._loading.run_reporting(partial(self._load_blocking, pooled.state, folder), pooled)
        except Exception as error:
            errors = [one for one in (error, error.__cause__) if isinstance(one, Exception)]
            if self._queue is not None and any(map(is_final, errors)):
                self._queue.device_gone.set()
            if not any(map(is_out_of_memory, errors)):
                raise
        # Outside the handler, in which the error's traceback keeps the loaded parts alive.
        await self._loading.run(free_checkpoints)
        return None

    def _load_blocking(self, state: CheckpointState, folder: Path, work: Work) -> tuple[Head, ...]:
        state.expected_seconds = self._times.expected(state.spec.key)
        state.loading_since = time.perf_counter()
        state.phase = Phase.LOADING
        heads = tuple(load_head(folder, device, state.languages) for device in self.devices)
        if work.is_discarded:  # it hung, and another call loads the checkpoint
            return heads
        state.languages = getattr(heads[0], "languages", state.languages)
        seconds = time.perf_counter() - state.loading_since
        self._times.record(state.spec.key, seconds)
        self._observer.loaded(state.spec.name, seconds)
        where = ", ".join(f"{head.device.name} in {head.precision}" for head in heads)
        log.info("%s loaded in %.1f s on %s", state.spec.name, seconds, where)
        return heads


def _fetch_blocking(
    spec: CheckpointSpec, cache: Path, state: CheckpointState, work: Work
) -> tuple[Path, Abilities | None]:
    folder = fetch(spec, cache, Reports(state, work))
    return folder, read_abilities(folder)


def _end_load(pooled: PooledCheckpoint, loading: asyncio.Task[None]) -> None:
    if pooled.loading is loading:
        pooled.loading, pooled.may_evict = None, False
    if not loading.cancelled():
        loading.exception()  # asyncio logs exceptions that nobody has retrieved
