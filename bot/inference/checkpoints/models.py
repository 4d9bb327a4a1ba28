"""The checkpoints: fetched and loaded in the background, shared by the tasks that use the same one, and evicted when
others need the room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bot.errors import GlassboxError, ModelUnavailable, describe
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.loading_times import TYPICAL_LOADING, LoadingTimes
from bot.inference.checkpoints.memory_limit import Room, by_device
from bot.inference.checkpoints.residency import LoadedModel, Resident
from bot.inference.checkpoints.sources import fetch
from bot.inference.checkpoints.weights import expected_bytes, free_memory
from bot.inference.compute.device import Devices, listed
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.scheduling.daemon_threads import DaemonThreads
from bot.inference.scheduling.isolation import is_out_of_memory

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

T = TypeVar("T")

log = logging.getLogger(__name__)


_FETCHING = {"wait": "waiting", "download": "downloading", "verify": "checking", "convert": "converting"}


class Phase(StrEnum):
    """How far a checkpoint is."""

    WAITING = "waiting"
    FETCHING = "fetching"
    LOADING = "loading"
    READY = "ready"
    EVICTED = "evicted"
    FAILED = "failed"


class NoRoom(ModelUnavailable):
    """A checkpoint would fit only if another one left, and nobody has asked for it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no room for {name} beside the other checkpoints.")


@dataclass
class ModelState:
    """What is known of one checkpoint, for people who wait for it.

    Attributes:
        fraction: how much of what is being done is done, 0 to 1; None where that is unknown.
        doing: what a fetch is doing just now, in a word.
        languages: what it translates, as far as that is known: None for checkpoints that do not translate.
        seconds_left: until it is loaded, estimated from the last time; None while it is fetched.
    """

    spec: CheckpointSpec
    phase: Phase = Phase.WAITING
    fraction: float | None = None
    doing: str = ""
    expected_seconds: float = TYPICAL_LOADING
    loading_since: float | None = None
    languages: LanguagePairs | None = None

    @property
    def seconds_left(self) -> float | None:
        if self.phase is not Phase.LOADING or self.loading_since is None:
            return None
        return max(1.0, self.expected_seconds - (time.perf_counter() - self.loading_since))

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Take a progress report of a fetch; called on the fetching thread."""
        self.phase = Phase.FETCHING
        self.doing = _FETCHING[phase]
        self.fraction = done / total if total else None


class Server(Protocol):
    """Computes with what is loaded."""

    def add(self, heads: Sequence[object]) -> None:
        """Learn the heads of a checkpoint, one for each device."""
        ...

    async def retire(self, head: object) -> None:
        """Keep nothing of a checkpoint any more, when what is computed of it has ended."""
        ...


class Models:
    """Loads the checkpoints of a preset on threads of their own, a replica on each device.

    Where there is no room for a checkpoint that is asked for, those that have not been used for the longest time leave
    the devices. One with requests in flight stays until they are answered; what is asked of it from then on waits until
    it comes back, so that neither of two checkpoints without room for both starves.

    Args:
        devices: one, or several.
        room: for the weights; without limit where not given.
    """

    def __init__(self, preset: Preset, devices: Devices, cache: Path, room: Room | None = None) -> None:
        self.devices = listed(devices)
        self.room = room or Room.unlimited()
        self.evictions = 0
        self._preset = preset
        self.cache = cache
        # A checkpoint that comes back does not wait for another one's download.
        self._fetching = DaemonThreads(1, "glassbox-fetch")
        self._thread = DaemonThreads(1, "glassbox-load")
        self._making_room = asyncio.Lock()
        self._residents: dict[str, Resident] = {}
        self._times = LoadingTimes(cache / "loading-times.json")
        self._server: Server | None = None

    def serve_with(self, server: Server) -> None:
        """Tell who computes with what is loaded."""
        self._server = server

    @property
    def tasks(self) -> Iterable[str]:
        """The tasks that have a checkpoint."""
        return self._preset.checkpoints

    @property
    def residents(self) -> list[Resident]:
        """Every checkpoint of the preset, in the order of its tasks."""
        return list({id(one): one for one in map(self._resident, self.tasks)}.values())

    @property
    def used(self) -> Mapping[str, int]:
        """Bytes of weights, by the device's name."""
        return sum((one.reserved for one in self.residents), Counter())

    def sharing(self, task: str) -> tuple[str, ...]:
        """The tasks that have the same checkpoint as this one, it included."""
        return self._resident(task).tasks

    def spec(self, task: str) -> CheckpointSpec:
        """The checkpoint that is set for a task.

        Raises:
            ModelUnavailable: there is none.
        """
        spec = self._preset.checkpoints.get(task)
        if spec is None:
            raise ModelUnavailable(f"No checkpoint is set for /{task}. Whoever runs this bot can set one.")
        return spec

    def state(self, task: str) -> ModelState:
        """How far a task's checkpoint is; raises like `spec`."""
        return self._resident(task).state

    async def get(self, task: str) -> LoadedModel:
        """A task's checkpoint, loaded. It may be evicted as soon as another one is asked for: see `lease`.

        Raises:
            ModelUnavailable: it cannot be fetched or loaded.
        """
        async with self.lease(task) as model:
            return model

    @asynccontextmanager
    async def lease(self, task: str, *, demanded: bool = True) -> AsyncIterator[LoadedModel]:
        """A task's checkpoint, loaded, and on the devices for as long as the body runs.

        A load that failed is tried again by the next one who asks.

        Args:
            demanded: whether others may be evicted for it.

        Raises:
            ModelUnavailable: it cannot be fetched or loaded.
            NoRoom: it could only be loaded in the place of others, and is not demanded.
        """
        resident = self._resident(task)
        while not resident.left.is_set():
            await resident.left.wait()
        with resident.in_use():
            if resident.model is None:
                await self._load_once(resident, demanded)
            assert resident.model is not None
            yield resident.model

    def loaded(self, task: str) -> LoadedModel | None:
        """A task's checkpoint, for `keep`; None where it is not on the devices or about to leave them: see `lease`."""
        resident = self._resident(task)
        return resident.model if resident.left.is_set() else None

    def keep(self, model: LoadedModel) -> AbstractContextManager[None]:
        """A lease of a checkpoint that is loaded, or another one for what outlives the first."""
        return self._residents[model.spec.key].in_use()

    def suspect(self, model: LoadedModel) -> None:
        """Remember that a request failed because a checkpoint's numbers were not finite."""
        self._residents[model.spec.key].suspect += 1

    def write_off(self, resident: Resident) -> None:
        """Have nothing more to do with what is loaded of a checkpoint, at once; it is loaded anew when it is used."""
        resident.model, resident.reserved = None, Counter()
        resident.state.phase = Phase.EVICTED

    async def aclose(self) -> None:
        """Give up loads that have not ended. The threads finish what they are doing by themselves."""
        loads = [one.loading for one in self._residents.values() if one.loading is not None]
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
        for thread in (self._fetching, self._thread):
            thread.shutdown(wait=False, cancel_futures=True)

    def _resident(self, task: str) -> Resident:
        spec = self.spec(task)
        if spec.key not in self._residents:
            declared = None if spec.languages is None else LanguagePairs.of(spec.languages)
            self._residents[spec.key] = Resident(ModelState(spec, languages=declared), self._preset.tasks_of(spec))
        return self._residents[spec.key]

    async def _load_once(self, resident: Resident, demanded: bool) -> None:
        """Load a checkpoint, or wait until it is loaded."""
        resident.demanded |= demanded
        if resident.loading is None or resident.loading.done():
            resident.loading = asyncio.get_running_loop().create_task(self._load(resident))
            resident.loading.add_done_callback(partial(_ended, resident))
        # One impatient person must not cancel the load that others wait for.
        await asyncio.shield(resident.loading)

    async def _load(self, resident: Resident) -> None:
        state = resident.state
        before, state.phase = state.phase, Phase.WAITING
        try:
            if resident.folder is None:
                resident.folder = await self._on(self._fetching, fetch, state.spec, self.cache, state)
            state.phase, state.doing = Phase.WAITING, ""
            async with self._making_room:
                resident.model = await self._move_in(resident, resident.folder)
        except NoRoom:
            state.phase = Phase.EVICTED if before is Phase.EVICTED else Phase.WAITING
            raise
        except GlassboxError:
            state.phase, resident.folder = Phase.FAILED, None
            raise
        except Exception as error:
            state.phase, resident.folder = Phase.FAILED, None
            log.error("loading %s failed: %s", state.spec.name, describe(error))
            raise ModelUnavailable(
                f"{state.spec.name} could not be loaded, and the failure has been logged."
            ) from error
        finally:
            resident.reserved = Counter() if resident.model is None else resident.model.bytes
        state.phase = Phase.READY
        resident.touch()

    async def _move_in(self, resident: Resident, folder: Path) -> LoadedModel:
        """Make room for a checkpoint and load it; where that was not enough, evict all others and try once more."""
        needed = await self._on(self._thread, self._expected, folder)
        await self._make_room(resident, needed)
        resident.reserved = needed
        heads = await self._try_to_load(resident.state, folder)
        if heads is None:
            log.warning("%s did not fit, and is tried again when nothing else is loaded", resident.state.spec.name)
            await self._make_room(resident, None)
            heads = await self._try_to_load(resident.state, folder)
        if heads is None:
            raise ModelUnavailable(
                f"{resident.state.spec.name} is too large for the memory of my device. Whoever runs this bot can set a "
                "smaller checkpoint, or a PRECISION with fewer bits."
            )
        return self._moved_in(resident, heads)

    def _moved_in(self, resident: Resident, heads: tuple[Head, ...]) -> LoadedModel:
        sizes = by_device(self.devices, (head.weight_bytes for head in heads))
        for head in heads:
            head.calibrations = resident.calibrations
        if self._server is not None:
            self._server.add(heads)
        return LoadedModel(resident.state.spec, heads, self.devices, sizes)

    def _expected(self, folder: Path) -> Counter[str]:
        return by_device(self.devices, (expected_bytes(folder, device.dtype.itemsize) for device in self.devices))

    async def _make_room(self, resident: Resident, needed: Counter[str] | None) -> None:
        """Evict until there is room, or until nothing else is loaded.

        Args:
            needed: bytes by the device's name; None evicts all others.
        """
        while others := [one for one in self._residents.values() if one.model is not None]:
            if needed is not None and self.room.holds([needed, *(one.reserved for one in others)]):
                return
            if not resident.demanded:
                raise NoRoom(resident.state.spec.name)
            await self._evict(min(others, key=lambda one: (one.leases > 0, one.last_used or 0.0)))

    async def _evict(self, resident: Resident) -> None:
        """Take a checkpoint off the devices, when nobody uses it any more."""
        resident.left.clear()
        try:
            await resident.free.wait()
            if self._server is not None and resident.model is not None:
                await self._server.retire(resident.model.head)
            resident.model, resident.reserved = None, Counter()
            resident.state.phase = Phase.EVICTED
            self.evictions += 1
            await self._on(self._thread, free_memory)
            log.info("%s has left the devices, to make room", resident.state.spec.name)
        finally:
            resident.left.set()

    async def _try_to_load(self, state: ModelState, folder: Path) -> tuple[Head, ...] | None:
        """Load the replicas; None where the memory does not suffice."""
        try:
            return await self._on(self._thread, self._load_blocking, state, folder)
        except Exception as error:
            if not any(isinstance(one, Exception) and is_out_of_memory(one) for one in (error, error.__cause__)):
                raise
        # Outside of the handler: while it runs, the error's traceback keeps what was loaded alive.
        await self._on(self._thread, free_memory)
        return None

    def _load_blocking(self, state: ModelState, folder: Path) -> tuple[Head, ...]:
        state.expected_seconds = self._times.expected(state.spec.key)
        state.loading_since = time.perf_counter()
        state.phase = Phase.LOADING
        heads = tuple(load_head(folder, device, state.languages) for device in self.devices)
        state.languages = getattr(heads[0], "languages", state.languages)
        seconds = time.perf_counter() - state.loading_since
        self._times.record(state.spec.key, seconds)
        where = ", ".join(f"{head.device.name} in {head.precision}" for head in heads)
        log.info("%s loaded in %.1f s on %s", state.spec.name, seconds, where)
        return heads

    @staticmethod
    async def _on(thread: DaemonThreads, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.wrap_future(thread.submit(function, *arguments))


def _ended(resident: Resident, loading: asyncio.Task[None]) -> None:
    if resident.loading is loading:
        resident.loading, resident.demanded = None, False
    if not loading.cancelled():
        loading.exception()  # asyncio complains of exceptions that nobody has looked at
