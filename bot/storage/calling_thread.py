"""A thread that the event loop has functions called on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02
"""Between two tries of the first call that waits."""


@dataclass(frozen=True, eq=False)
class _Call:
    """A function that is to be called.

    Attributes:
        until: how long it is tried, by `perf_counter`.
    """

    function: Callable[[], Any]
    future: asyncio.Future[Any]
    until: float


class CallingThread:
    """Calls functions one after the other, each of them even if its caller is cancelled. Made on the running loop.

    A call that cannot be done yet waits beside the others, and is tried again. So waits do not add up.
    The standard library's executor takes twice as long for a call, which is longer than SQLite takes for a statement.

    Args:
        is_passing: whether an error says that a call has done nothing yet, and may be tried again.
        gave_up: hears of the passing error of a call that is tried no longer.
    """

    def __init__(
        self,
        name: str,
        is_passing: Callable[[BaseException], bool] = lambda error: False,
        gave_up: Callable[[BaseException], object] = lambda error: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_passing = is_passing
        self._gave_up = gave_up
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._waiting: deque[_Call] = deque()
        self._again_at = 0.0
        self._is_ending = False
        self._last: _Call | None = None
        self._outcomes: deque[tuple[asyncio.Future[Any], Callable[[], None]]] = deque()
        self._is_told = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T], patience: float = 0.0) -> asyncio.Future[T]:
        """Have a function called, and return the future of what it returns or raises.

        Args:
            patience: for how many seconds it is tried while it fails with a passing error.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put(_Call(function, future, time.perf_counter() + patience))
        return future

    def end(self, last: Callable[[], T]) -> asyncio.Future[T]:
        """End the thread after the calls that have been made, and after a last one."""
        self._last = call = _Call(last, self._loop.create_future(), 0.0)
        self._calls.put(None)
        return call.future  # the thread may have taken `_last` by now

    def _serve(self) -> None:
        while (chosen := self._next()) is not None:
            call, was_waiting = chosen
            try:
                settle = partial(call.future.set_result, call.function())
            except BaseException as error:
                if self._is_passing(error):
                    if time.perf_counter() < call.until:
                        self._again_at = time.perf_counter() + PAUSE_SECONDS
                        (self._waiting.appendleft if was_waiting else self._waiting.append)(call)
                        continue
                    self._gave_up(error)
                settle = partial(call.future.set_exception, error)
            self._outcomes.append((call.future, settle))
            self._tell()
            del chosen, call, settle  # or they would stay until the next call

    def _next(self) -> tuple[_Call, bool] | None:
        """Return the next call, and whether it has been tried before; None at the end.

        New ones are tried at once, because not all of them need what the first of those that wait has to wait for.
        """
        while True:
            pause = max(0.0, self._again_at - time.perf_counter())
            if self._waiting and not pause:
                return self._waiting.popleft(), True
            if self._is_ending:
                if not self._waiting:
                    last, self._last = self._last, None
                    return None if last is None else (last, False)
                time.sleep(pause)
                continue
            try:
                call = self._calls.get(timeout=pause if self._waiting else None)
            except Empty:
                continue
            if call is not None:
                return call, False
            self._is_ending = True

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
