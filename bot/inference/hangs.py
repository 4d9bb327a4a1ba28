"""The end of threads that hang, and of the checkpoints that they hang in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import chain

from bot.errors import HungAgain, LoadHung, NotResponding, ProcessBroken
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.residency import PooledCheckpoint
from bot.inference.checkpoints.worker_thread import Work
from bot.inference.scheduling.preparation import PreparationThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.replicas import AnyOperation, operations_of
from bot.inference.scheduling.watchdog import Watchdog
from bot.request_ids import working_for

MOST = 2
"""Hangs after which the process ends, because each leaves a thread and its memory behind."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """The kind of a call on a preparation thread."""

    task: str
    """The task's name, or "preview"."""
    checkpoint: str
    """The key of the checkpoint that it uses."""


class Hangs:
    """Finds threads that hang, fails the requests that wait for them, and replaces them.

    Args:
        watchdog: of forward passes and preparations.
        loading_watchdog: of fetches and loads, which may take longer.

    Attributes:
        too_many: set when this process cannot continue.
        reason: why, then.
    """

    def __init__(
        self,
        queue: DeviceQueue,
        preparation: PreparationThreads,
        models: CheckpointPool,
        watchdog: Watchdog,
        loading_watchdog: Watchdog,
    ) -> None:
        self.too_many = asyncio.Event()
        self.reason: type[ProcessBroken] = HungAgain
        self._queue = queue
        self._preparation = preparation
        self._models = models
        self.watchdog = watchdog
        self._loading_watchdog = loading_watchdog
        self._number = 0

    def check(self) -> bool:
        """Discard what hangs; return whether anything did."""
        hung = self.watchdog.check({**self._queue.heartbeats, **self._preparation.heartbeats})
        loads = self._loading_watchdog.check(self._models.heartbeats)
        if hung:
            self._discard_computations(hung)
        for load in loads:
            self._discard_load(load)
        return bool(hung or loads)

    def _discard_computations(self, hung: list[Hashable]) -> None:
        operations: frozenset[AnyOperation] = frozenset().union(*map(self._queue.operations_in, hung))
        kinds = {kind for call in hung if (kind := self._preparation.kind_of(call)) is not None}
        keys = {kind.checkpoint for kind in kinds if isinstance(kind, Kind)}
        concerned = [one for one in self._models.checkpoints if one.state.spec.key in keys or one.has(operations)]
        names = ", ".join(one.state.spec.name for one in concerned) or "something"
        with working_for(self._requests_in(hung)):
            log.error("%s has not responded for %.0f seconds, and is discarded", names, self.watchdog.seconds)
        self._discard(concerned, operations, kinds)
        self._count()

    def _discard_load(self, work: Hashable) -> None:
        if not isinstance(work, Work):
            return
        name = "something" if work.pooled is None else work.pooled.state.spec.name
        seconds = self._loading_watchdog.seconds
        log.error("fetching or loading %s has made no progress for %.0f seconds, and is given up", name, seconds)
        if not self._models.discard(work, NotResponding()):
            log.error("nothing can be loaded beside it: this process cannot continue")
            self.reason = LoadHung
            self.too_many.set()
        self._count()

    def _count(self) -> None:
        self._number += 1
        if self._number >= MOST and not self.too_many.is_set():
            log.error("threads have hung before: this process cannot continue")
            self.too_many.set()

    def _requests_in(self, hung: Iterable[Hashable]) -> list[str]:
        """Return the ids of the requests that hanging threads compute."""
        found = ((*self._queue.requests_in(call), *self._preparation.requests_in(call)) for call in hung)
        return [*chain.from_iterable(found)]

    def _discard(
        self, concerned: list[PooledCheckpoint], operations: frozenset[AnyOperation], kinds: set[Hashable]
    ) -> None:
        # A thread that hangs may come back, hold a lock of the tokenizer forever, or have left the model half changed.
        # So nothing that was loaded of its checkpoint is used again.
        keys = {one.state.spec.key for one in concerned}
        for pooled in concerned:
            if pooled.loaded is not None:
                operations |= set(operations_of(pooled.loaded.head).values())
                pooled.unload()
        self._queue.discard(operations, NotResponding())
        self._preparation.discard(
            lambda kind: kind in kinds or (isinstance(kind, Kind) and kind.checkpoint in keys), NotResponding()
        )
