"""The threads that fetch and load checkpoints: one call at a time, watched, and replaced if a call hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from bot.inference.checkpoints.state import CheckpointState
from bot.inference.scheduling.daemon_threads import DaemonThreads

if TYPE_CHECKING:
    from bot.inference.checkpoints.residency import PooledCheckpoint

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(eq=False)
class Work:
    """A call that a thread makes for a checkpoint.

    Attributes:
        pooled: whom it is for; None if it is for no checkpoint.
        progress: a value that changes as long as the call makes progress, if it reports any.
        thread: None until it has begun.
        is_discarded: whether it hangs, and is of no use any more.
    """

    pooled: PooledCheckpoint | None
    discarded: asyncio.Future[None]
    progress: Hashable = None
    thread: threading.Thread | None = field(default=None, init=False)
    is_discarded: bool = field(default=False, init=False)

    def discard(self, error: Exception) -> None:
        """Raise an error in the caller."""
        self.is_discarded = True
        if not self.discarded.done():
            self.discarded.set_exception(error)


@dataclass
class Reports:
    """The progress of a fetch, for people and for the watchdog."""

    state: CheckpointState
    work: Work
    _waits: int = 0

    def report(self, phase: str, done: int, total: int | None) -> None:
        """See `Progress`."""
        # Whoever waits for another process makes no progress, and yet does not hang.
        self._waits += phase == "wait"
        self.work.progress = (phase, done, self._waits)
        if not self.work.is_discarded:
            self.state.report(phase, done, total)


class WorkerThread:
    """A thread that makes one call after the other for an event loop.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._threads = DaemonThreads(1, name)
        self._current: Work | None = None

    async def run(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Make a call on the thread. Cancelling this prevents a call that has not begun."""

        def call(work: Work) -> T:
            return function(*arguments, **options)

        return await self.run_reporting(call)

    async def run_reporting(self, function: Callable[[Work], T], pooled: PooledCheckpoint | None = None) -> T:
        """Make a call that is told its `Work`, to report progress there; otherwise as `run`.

        Args:
            pooled: whom it is for.
        """
        work = Work(pooled, asyncio.get_running_loop().create_future())
        made = asyncio.wrap_future(self._threads.submit(partial(self._make, work, function)))
        try:
            await asyncio.wait((made, work.discarded), return_when=asyncio.FIRST_COMPLETED)
            if work.discarded.done():
                made.add_done_callback(_retrieve)  # it may come back, with an error that nobody waits for
                work.discarded.result()
            return made.result()
        except asyncio.CancelledError:
            made.cancel()
            raise
        finally:
            work.discarded.cancel()
            del made, work  # an error refers to this frame: such a circle would keep a checkpoint in memory

    @property
    def heartbeats(self) -> dict[Hashable, Hashable]:
        """The running call, with its progress; none if the thread is idle."""
        return {} if self._current is None else {self._current: self._current.progress}

    def replace(self, work: Work, error: Exception) -> None:
        """Give up a call that hangs, and start another thread."""
        if work is self._current and work.thread is not None:
            self._current = None
            self._threads.replace(work.thread)
            work.discard(error)

    def shutdown(self) -> None:
        """Take no new calls; the thread ends by itself after the current one."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make(self, work: Work, function: Callable[[Work], T]) -> T:
        work.thread = threading.current_thread()
        self._current = work
        try:
            return function(work)
        finally:
            if self._current is work:
                self._current = None


def _retrieve(made: asyncio.Future[T]) -> None:
    if not made.cancelled():
        made.exception()
