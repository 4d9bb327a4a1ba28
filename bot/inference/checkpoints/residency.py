"""Checkpoints of a pool, and the leases that keep them on the devices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.inference.checkpoints.catalogue import CheckpointSpec
from bot.inference.checkpoints.state import CheckpointState
from bot.inference.compute.device import Device
from bot.inference.heads.calibration import Calibrations
from bot.inference.scheduling.replicas import AnyOperation, operations_of
from bot.inference.status import Phase
from bot.inference.task import Abilities

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint on the devices, with a head for each.

    Attributes:
        bytes: of its weights, by device name.
    """

    spec: CheckpointSpec
    heads: tuple[Head, ...]
    devices: tuple[Device, ...]
    bytes: Counter[str]

    @property
    def head(self) -> Head:
        """The first replica, which tasks use outside of forward passes."""
        return self.heads[0]

    def precision_on(self, index: int) -> str:
        """Return the data type of the weights on a device."""
        return self.heads[index].precision


@dataclass(eq=False)
class PooledCheckpoint:
    """A checkpoint of the pool, loaded or not.

    Attributes:
        tasks: the tasks that use it if nobody chooses another one.
        given: the tasks for which the operator lets people choose it; None for those that it can do.
        abilities: None until its files have been looked at.
        loaded: None unless it is on the devices.
        reserved: the bytes that it takes or is about to take, by device name.
        folder: its files, once they have been fetched.
        calibrations: kept across evictions.
        loading: loads it; None afterwards.
        leases: how many requests use it or wait for it.
        may_evict: whether its load may evict others.
        unleased: set while there are no leases.
        leasable: cleared while an eviction is pending; `CheckpointPool.lease` waits for it.
        last_used: by `time.monotonic()`; None if it was never used.
        nonfinite: how many requests failed because its numbers were not finite.
    """

    state: CheckpointState
    tasks: tuple[str, ...]
    given: tuple[str, ...] | None = None
    abilities: Abilities | None = None
    loaded: LoadedCheckpoint | None = None
    reserved: Counter[str] = field(default_factory=Counter)
    folder: Path | None = None
    calibrations: Calibrations = field(default_factory=Calibrations)
    loading: asyncio.Task[None] | None = None
    leases: int = 0
    may_evict: bool = False
    unleased: asyncio.Event = field(default_factory=asyncio.Event)
    leasable: asyncio.Event = field(default_factory=asyncio.Event)
    last_used: float | None = None
    nonfinite: int = 0

    def __post_init__(self) -> None:
        self.unleased.set()
        self.leasable.set()

    @property
    def idle_seconds(self) -> float | None:
        """Seconds since its last use, 0 while in use; None if it was never used."""
        if self.last_used is None:
            return None
        return 0.0 if self.leases else time.monotonic() - self.last_used

    def has(self, operations: Collection[AnyOperation]) -> bool:
        """Return whether one of these operations belongs to its first head."""
        return self.loaded is not None and any(one in operations for one in operations_of(self.loaded.head).values())

    def touch(self) -> None:
        """Record that it is used now."""
        if self.loaded is not None:
            self.last_used = time.monotonic()

    def unload(self) -> list[Head]:
        """Drop the heads, and return them; the next lease loads them again."""
        heads = [] if self.loaded is None else list(self.loaded.heads)
        self.loaded, self.reserved = None, Counter()
        self.state.phase = Phase.EVICTED
        return heads

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Prevent its eviction while the body runs."""
        self.leases += 1
        self.unleased.clear()
        self.touch()
        try:
            yield
        finally:
            self.leases -= 1
            self.touch()
            if not self.leases:
                self.unleased.set()
