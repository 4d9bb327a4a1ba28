"""The threads on which requests are prepared and finished, out of the event loop's way.

Whoever asks within one turn of the event loop shares the way to a thread and back: requests whose rows were in one
batch are finished together, and those who ask again at once are prepared together. A way costs as much as tokenising a
message. Besides, the caches of a core that multiplies forget everything else: the first of several messages takes twice
as long as the next one.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.errors import ModelFailed, Unanswered, describe
from bot.inference.scheduling.daemon_threads import DaemonThreads, Escaped, contained

T = TypeVar("T")

HELD_SECONDS = 0.001
"""For so long a result may wait for others on their way back, whatever the threads are doing."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    kind: Hashable
    future: asyncio.Future[Any]
    value: Any = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)

    def make(self) -> None:
        """On a thread."""
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # whatever it is, it belongs to whoever waits
            self.error = contained(error)
            if isinstance(self.error, Escaped):
                log.error("a task failed: %s", describe(error))
                self.error = ModelFailed()

    def tell(self) -> None:
        """On the event loop."""
        if self.future.done():  # given up meanwhile
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class PreparingThreads:
    """Makes calls on threads, for one event loop.

    Results come back together. A thread that has made a call and begins another one leaves the result where the event
    loop finds it, if the event loop is about to look; else it calls the event loop. So no result waits for the end of
    another call, however long that takes.

    Args:
        threads: how many. A call that takes long holds up nobody as long as another thread is free.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = DaemonThreads(threads, "glassbox-prepare")
        self._asked: list[_Call] = []
        self._waiting: deque[_Call] = deque()
        self._made: deque[_Call] = deque()
        self._making: dict[threading.Thread, _Call] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._called = False

    def run(self, function: Callable[..., T], *arguments: Any, kind: Hashable) -> asyncio.Future[T]:
        """What a function returns or raises. Cancelling this prevents a call that has not begun.

        Args:
            kind: of what; calls are written off by their kind.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._send, loop)
        self._asked.append(_Call(function, arguments, kind, future))
        return future

    @property
    def in_hand(self) -> dict[Hashable, Hashable]:
        """The calls that the threads are making; a call shows no sign of life before its end."""
        return dict.fromkeys(list(self._making.values()))

    @staticmethod
    def kind_of(call: Hashable) -> Hashable | None:
        """The kind of a call that is in hand; None where this is none."""
        return call.kind if isinstance(call, _Call) else None

    def write_off(self, concerns: Callable[[Hashable], bool], error: Unanswered) -> None:
        """Give up all calls of some kinds, and have other threads in the place of those that are making them.

        Args:
            concerns: whether a kind is one of these.
            error: is told to whoever waits.
        """
        for thread, call in list(self._making.items()):
            if concerns(call.kind):
                self._pool.write_off(thread)
                self._making.pop(thread, None)
                _fail(call, error)
        for call in [*self._asked, *self._waiting]:
            if concerns(call.kind):
                _fail(call, error)
        if self._waiting:
            self._pool.submit(self._work, asyncio.get_running_loop())

    async def aclose(self, seconds: float | None = None) -> bool:
        """Cancel the calls that have not begun, and wait for the others.

        Args:
            seconds: the longest to wait.

        Returns:
            Whether all have ended.
        """
        asked, self._asked = self._asked, []
        self._waiting.extend(asked)
        while (call := self._next()) is not None:
            call.future.cancel()
        self._pool.close(cancel=True)
        ended = await asyncio.to_thread(self._pool.join, seconds)
        self._look()
        if self._looking is not None:
            self._looking.cancel()
        return ended

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        calls, self._asked = self._asked, []
        self._waiting.extend(calls)
        if len(calls) > 1:
            self._look_soon()
        for _ in range(min(len(calls), self._threads)):
            self._pool.submit(self._work, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the calls that wait, on a thread, until there are no more."""
        thread = threading.current_thread()
        while (call := self._next()) is not None:
            self._making[thread] = call
            call.make()
            self._making.pop(thread, None)
            # First this, then the question: the event loop looks in the opposite order.
            self._made.append(call)
            if self._looking is None or not self._waiting:
                self._call(loop)
        if self._made:  # another thread has taken the last call
            self._call(loop)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the event loop look now, once."""
        if not self._called:
            self._called = True
            loop.call_soon_threadsafe(self._look)

    def _look_soon(self) -> None:
        """Have the event loop look for results, also while it has something else to do.

        Without a context: a simulated Discord holds timers of the bot back as long as the bot is busy.
        """
        if self._looking is None:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(HELD_SECONDS, self._looked, context=contextvars.Context())

    def _looked(self) -> None:
        self._looking = None
        if self._made:
            self._look()

    def _look(self) -> None:
        """Tell all results. Where there will soon be others, look again."""
        self._called = False
        while self._made:
            self._made.popleft().tell()
        if self._waiting:
            self._look_soon()

    def _next(self) -> _Call | None:
        """The next call that somebody waits for."""
        while self._waiting:
            try:
                call = self._waiting.popleft()
            except IndexError:  # another thread has taken the last one
                return None
            if not call.future.done():
                return call
        return None


def _fail(call: _Call, error: Unanswered) -> None:
    if not call.future.done():
        call.future.set_exception(error)
