"""The threads on which requests are prepared and finished, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from bot.errors import ModelFailed, Unanswered, describe
from bot.inference.scheduling.daemon_threads import DaemonThreads, Escaped, contained
from bot.request_ids import request_id

T = TypeVar("T")

HELD_SECONDS = 0.001
"""The longest that a result waits to be delivered together with others."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Call:
    function: Callable[[], object]
    kind: Hashable
    future: asyncio.Future[Any]
    request_id: str
    background: bool
    value: object = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)

    def run(self) -> None:
        """Make the call, on a thread."""
        request_id.set(self.request_id)  # the thread's own, which every call sets
        try:
            self.value = self.function()
        except BaseException as error:  # `SystemExit` too must reach the caller
            self.error = contained(error)
            if isinstance(self.error, Escaped):
                log.error("a task failed: %s", describe(error))
                self.error = ModelFailed()
        finally:
            del self  # the error refers to this frame: such a circle would keep a checkpoint in memory

    def deliver(self) -> None:
        """Hand the result or the error to the caller, on the event loop."""
        if self.error is not None:
            self.fail(self.error)
        elif not self.future.done():
            self.future.set_result(self.value)

    def fail(self, error: Exception) -> None:
        """Raise an error in the caller, unless it was cancelled."""
        if not self.future.done():
            self.future.set_exception(error)


class PreparationThreads:
    """Makes calls on threads for one event loop, and delivers their results together.

    Args:
        threads: the most. A long call delays nobody while another thread is free.
    """

    def __init__(self, threads: int) -> None:
        self._number = threads
        self._threads = DaemonThreads(threads, "glassbox-prepare")
        self._new: list[_Call] = []
        self._waiting: deque[_Call] = deque()
        self._behind: deque[_Call] = deque()
        self._running: dict[threading.Thread, _Call] = {}
        self._finished: deque[_Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.copy_context()  # of the timer: see `bot.inference.timers`
        self._woken = False

    def run(
        self, function: Callable[..., T], *arguments: object, kind: Hashable, background: bool = False
    ) -> asyncio.Future[T]:
        """Call a function on a thread. Cancelling the future prevents a call that has not begun.

        Args:
            kind: `discard` finds calls by it.
            background: whether all calls that people wait for are made first.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._new:
            loop.call_soon(self._send, loop)
        self._new.append(_Call(partial(function, *arguments), kind, future, request_id.get(), background))
        return future

    @property
    def heartbeats(self) -> dict[Hashable, Hashable]:
        """The running calls; none has a heartbeat before its end."""
        return dict.fromkeys(list(self._running.values()))

    @staticmethod
    def kind_of(call: Hashable) -> Hashable | None:
        """Return the kind of a running call; None for anything else."""
        return call.kind if isinstance(call, _Call) else None

    @staticmethod
    def requests_in(call: Hashable) -> list[str]:
        """Return the id of the request of a running call; none for anything else."""
        return [call.request_id] if isinstance(call, _Call) else []

    def discard(self, concerns: Callable[[Hashable], bool], error: Unanswered) -> None:
        """Fail all calls of some kinds, and replace the threads that run one.

        Args:
            concerns: returns whether a kind is one of these.
        """
        for thread, call in list(self._running.items()):
            if concerns(call.kind):
                self._threads.replace(thread)
                self._running.pop(thread, None)
                call.fail(error)
        for call in [*self._new, *self._waiting, *self._behind]:
            if concerns(call.kind):
                call.fail(error)
        if self._has_more:
            self._threads.submit(self._work, asyncio.get_running_loop())

    async def aclose(self, seconds: float | None = None) -> bool:
        """Cancel the calls that have not begun; wait for the others, at most so long, and return whether they ended."""
        new, self._new = self._new, []
        self._enqueue(new)
        while (call := self._next()) is not None:
            call.future.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        ended = await asyncio.to_thread(self._threads.join, seconds)
        self._collect()
        if self._timer is not None:
            self._timer.cancel()
        return ended

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        # The calls of one iteration of the event loop go to a thread together, because one handover costs as much as
        # tokenizing a message. And the first message takes twice as long as the next: matrix products fill the caches.
        calls, self._new = self._new, []
        self._enqueue(calls)
        if len(calls) > 1:
            self._collect_soon()
        for _ in range(min(len(calls), self._number)):
            self._threads.submit(self._work, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the calls that wait, on a thread, until there are no more."""
        thread = threading.current_thread()
        while (call := self._next()) is not None:
            self._running[thread] = call
            call.run()
            self._running.pop(thread, None)
            # First append, then read `_timer`: the event loop does so in the opposite order.
            self._finished.append(call)
            # If the next call is long, this result must not wait for its end: only a timer may keep it.
            if self._timer is None or not self._has_more:
                self._wake(loop)
        if self._finished:  # another thread has taken the last call
            self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the event loop collect results now, once."""
        if not self._woken:
            self._woken = True
            loop.call_soon_threadsafe(self._collect)

    def _collect_soon(self) -> None:
        """Let the event loop collect results even if no thread wakes it."""
        if self._timer is None:
            self._timer = self._context.run(asyncio.get_running_loop().call_later, HELD_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._finished:
            self._collect()

    def _collect(self) -> None:
        """Deliver all results, and look again soon if others will follow."""
        self._woken = False
        while self._finished:
            self._finished.popleft().deliver()
        if self._has_more:
            self._collect_soon()

    @property
    def _has_more(self) -> bool:
        return bool(self._waiting or self._behind)

    def _enqueue(self, calls: Iterable[_Call]) -> None:
        for call in calls:
            (self._behind if call.background else self._waiting).append(call)

    def _next(self) -> _Call | None:
        """Return the next call whose caller still waits."""
        while self._has_more:
            try:
                call = (self._waiting or self._behind).popleft()
            except IndexError:  # another thread has taken the last one
                return None
            if not call.future.done():
                return call
        return None
