"""The threads on which requests are prepared and finished, out of the event loop's way.

Whoever asks within one turn of the event loop shares the way to a thread and back: requests whose rows were in one
batch are finished together, and those who ask again at once are prepared together. A way costs as much as tokenising a
message. Besides, the caches of a core that multiplies forget everything else: the first of several messages takes twice
as long as the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

HELD_SECONDS = 0.001
"""For so long results are held back, from when the first call began, for those of other calls of their kind."""


@dataclass(eq=False)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    kind: Hashable
    future: asyncio.Future[Any]
    value: Any = field(default=None, init=False)
    error: BaseException | None = field(default=None, init=False)

    def make(self) -> None:
        """On a thread."""
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # whatever it is, it belongs to whoever waits
            self.error = error

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

    Args:
        threads: how many. A call that takes long holds up nobody as long as another thread is free.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="glassbox-prepare")
        self._asked: list[_Call] = []
        self._waiting: deque[_Call] = deque()

    def run(self, function: Callable[..., T], *arguments: Any, kind: Hashable) -> asyncio.Future[T]:
        """What a function returns or raises. Cancelling this prevents a call that has not begun.

        Args:
            kind: calls of the same kind take about as long. No result is held back while another kind of call is made.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._send, loop)
        self._asked.append(_Call(function, arguments, kind, future))
        return future

    async def aclose(self) -> None:
        """Cancel the calls that have not begun, and wait for the others."""
        asked, self._asked = self._asked, []
        self._waiting.extend(asked)
        while (call := self._next()) is not None:
            call.future.cancel()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        calls, self._asked = self._asked, []
        self._waiting.extend(calls)
        for _ in range(min(len(calls), self._threads)):
            self._pool.submit(self._work, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the calls that wait, on a thread, until there are no more."""
        made: list[_Call] = []
        since = time.perf_counter()
        while (call := self._next()) is not None:
            if made and (call.kind != made[-1].kind or time.perf_counter() - since > HELD_SECONDS):
                loop.call_soon_threadsafe(_tell, made)
                made, since = [], time.perf_counter()
            call.make()
            made.append(call)
        if made:
            loop.call_soon_threadsafe(_tell, made)

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


def _tell(made: list[_Call]) -> None:
    for call in made:
        call.tell()
