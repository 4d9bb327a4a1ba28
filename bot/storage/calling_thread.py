"""A thread that the event loop has functions called on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Call = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class CallingThread:
    """Calls functions one after the other, each of them even if its caller is cancelled.

    The standard library's executor takes twice as long for a call, which is longer than SQLite takes for a statement.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Have a function called, and return the future of what it returns or raises."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((function, future))
        return future

    def end(self) -> None:
        """End the thread after the calls that have been made."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            function, future = call
            try:
                result = function()
            except BaseException as error:
                _tell(future, future.set_exception, error)
            else:
                _tell(future, future.set_result, result)
            del call, function, future  # or they would stay until the next call


def _tell(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: object) -> None:
    def settle_unless_cancelled() -> None:
        if not future.cancelled():
            settle(outcome)

    with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        future.get_loop().call_soon_threadsafe(settle_unless_cancelled)
