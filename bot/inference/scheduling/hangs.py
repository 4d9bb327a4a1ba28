"""What becomes of a thread that hangs, and of the checkpoint that it hangs in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from dataclasses import dataclass

from bot.errors import NotResponding
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.residency import PooledCheckpoint
from bot.inference.scheduling.preparing import PreparingThreads
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.scheduling.replicas import AnyOperation, operations_of
from bot.inference.scheduling.watchdog import Watchdog

MOST = 2
"""So many hangs are too many for one process: each leaves a thread behind, with all the memory that it holds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """What is done on a preparing thread.

    Attributes:
        task: its name, or "preview".
        checkpoint: the key of the checkpoint that it is done with.
    """

    task: str
    checkpoint: str


class Hangs:
    """Looks for what hangs, tells those who wait for it, and has other threads go on with everything else.

    A thread that hangs may come back, hold a lock of the checkpoint's tokenizer for ever, or have left the model in the
    middle of something. So nothing more is done with what was loaded of that checkpoint: all who wait for it are told,
    and whoever asks from then on waits until it is loaded anew.

    Attributes:
        too_many: set when this process can go on no longer.
    """

    def __init__(
        self, queue: DeviceQueue, preparing: PreparingThreads, models: CheckpointPool, watchdog: Watchdog
    ) -> None:
        self.too_many = asyncio.Event()
        self._queue = queue
        self._preparing = preparing
        self._models = models
        self._watchdog = watchdog
        self._number = 0

    @property
    def every(self) -> float:
        """How many seconds there should be between two looks."""
        return self._watchdog.every

    @property
    def silence(self) -> float:
        """For how many seconds some thread had shown no sign of life at the last look."""
        return self._watchdog.silence

    def look(self) -> bool:
        """Write off what hangs; whether anything did."""
        hung = self._watchdog.look({**self._queue.in_hand, **self._preparing.in_hand})
        if not hung:
            return False
        operations: frozenset[AnyOperation] = frozenset().union(*map(self._queue.operations_in, hung))
        kinds = {kind for call in hung if (kind := self._preparing.kind_of(call)) is not None}
        keys = {kind.checkpoint for kind in kinds if isinstance(kind, Kind)}
        concerned = [one for one in self._models.checkpoints if one.state.spec.key in keys or one.has(operations)]
        names = ", ".join(one.state.spec.name for one in concerned) or "something"
        log.error("%s has not responded for %.0f seconds, and is written off", names, self._watchdog.seconds)
        self._write_off(concerned, operations, kinds)
        self._number += 1
        if self._number >= MOST:
            log.error("threads have hung before: this process can go on no longer")
            self.too_many.set()
        return True

    def _write_off(
        self, residents: list[PooledCheckpoint], operations: frozenset[AnyOperation], kinds: set[Hashable]
    ) -> None:
        keys = {one.state.spec.key for one in residents}
        for resident in residents:
            if resident.loaded is not None:
                operations |= set(operations_of(resident.loaded.head).values())
                resident.unload()
        self._queue.write_off(operations, NotResponding())
        self._preparing.write_off(
            lambda kind: kind in kinds or (isinstance(kind, Kind) and kind.checkpoint in keys), NotResponding()
        )
