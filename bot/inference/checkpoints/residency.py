"""A checkpoint that may be on the devices, and who is using it."""

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
from bot.inference.compute.device import Device
from bot.inference.heads.calibration import Calibrations
from bot.inference.scheduling.replicas import AnyOperation, operations_of

if TYPE_CHECKING:
    from bot.inference.checkpoints.models import ModelState
    from bot.inference.heads.head import Head


@dataclass(frozen=True)
class LoadedModel:
    """A checkpoint that can be used.

    Attributes:
        heads: one for each device.
        bytes: of its weights, by the device's name.
    """

    spec: CheckpointSpec
    heads: tuple[Head, ...]
    devices: tuple[Device, ...]
    bytes: Counter[str]

    @property
    def head(self) -> Head:
        """The first replica: tasks tokenize, finish and keep their calibrations with it."""
        return self.heads[0]

    def precision_on(self, place: int) -> str:
        """The data type of the weights on the device with this number."""
        return self.heads[place].precision


@dataclass(eq=False)
class Resident:
    """A checkpoint, on the devices or not.

    Attributes:
        tasks: the names of those that use it.
        model: None while it is not loaded.
        reserved: the bytes that it takes or is about to take, by the device's name.
        folder: where its files are, once they have been fetched.
        calibrations: what was measured of it, kept when it leaves the devices.
        loading: while it is loaded.
        leases: how many are using it or wait for it.
        demanded: whether others may be evicted for it.
        free: set while there are no leases.
        left: not set while it is about to be evicted. Whoever asks for it then waits until it has come back.
        last_used: by `time.monotonic()`; None where it never was.
        suspect: how many requests have failed because its numbers were not finite.
    """

    state: ModelState
    tasks: tuple[str, ...]
    model: LoadedModel | None = None
    reserved: Counter[str] = field(default_factory=Counter)
    folder: Path | None = None
    calibrations: Calibrations = field(default_factory=Calibrations)
    loading: asyncio.Task[None] | None = None
    leases: int = 0
    demanded: bool = False
    free: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    last_used: float | None = None
    suspect: int = 0

    def __post_init__(self) -> None:
        self.free.set()
        self.left.set()

    @property
    def idle_seconds(self) -> float | None:
        """Since it was used last, 0 while it is in use; None where it never was."""
        if self.last_used is None:
            return None
        return 0.0 if self.leases else time.monotonic() - self.last_used

    def has(self, operations: Collection[AnyOperation]) -> bool:
        """Whether one of these operations is that of its first head, while it is loaded."""
        return self.model is not None and any(one in operations for one in operations_of(self.model.head).values())

    def touch(self) -> None:
        """It is used now, where it is loaded."""
        if self.model is not None:
            self.last_used = time.monotonic()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Never evicted meanwhile."""
        self.leases += 1
        self.free.clear()
        self.touch()
        try:
            yield
        finally:
            self.leases -= 1
            self.touch()
            if not self.leases:
                self.free.set()
