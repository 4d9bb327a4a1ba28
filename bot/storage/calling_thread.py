"""A thread that the event loop has functions called on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class CallingThread:
    """Calls functions one after the other, each of them even if its caller is cancelled. Made on the running loop.

    The standard library's executor takes twice as long for a call, which is longer than SQLite takes for a statement.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._outcomes: deque[tuple[asyncio.Future[Any], Callable[[], None]]] = deque()
        self._is_told = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Have a function called, and return the future of what it returns or raises."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((function, future))
        return future

    def end(self) -> None:
        """End the thread after the calls that have been made."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            function, future = call
            try:
                settle = partial(future.set_result, function())
            except BaseException as error:
                settle = partial(future.set_exception, error)
            self._outcomes.append((future, settle))
            self._tell()
            del call, function, future, settle  # or they would stay until the next call

    def _tell(self) -> None:
        # Waking the loop is dear, so it is woken once for all that has ended by the time it is awake.
        if not self._is_told:
            self._is_told = True
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_told = False  # first: an outcome that comes from here on is told again
        while self._outcomes:
            future, settle = self._outcomes.popleft()
            if not future.cancelled():
                settle()
