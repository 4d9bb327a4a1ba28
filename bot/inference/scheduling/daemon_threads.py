"""Threads that delay neither a shutdown nor the end of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from bot.errors import describe

P = ParamSpec("P")
T = TypeVar("T")


class Escaped(Exception):
    """A stand-in for an exception that would end a thread, a process or an iteration, such as `SystemExit`."""


@dataclass(eq=False)
class _Call:
    function: Callable[[], object]
    future: Future[Any] = field(default_factory=Future)

    def run(self, broken: Exception | None) -> None:
        """Make the call; fail it if the thread could not begin."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            if broken is not None:
                raise broken
            result = self.function()
        except BaseException as error:
            self.future.set_exception(contained(error))
        else:
            self.future.set_result(result)
        finally:
            del self  # the error refers to this frame: such a circle would keep a checkpoint in memory


def contained(error: BaseException) -> Exception:
    """Return an error that another thread can raise without ending more than one call there."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    return Escaped(describe(error))


class DaemonThreads(Executor):
    """An executor of daemon threads, each of which can be replaced if it hangs.

    Args:
        threads: the most; each is started when it is first needed.
        name: of the threads; a number is appended.
        begin: called on each thread before anything else.
    """

    def __init__(self, threads: int, name: str, begin: Callable[[], object] | None = None) -> None:
        self._most = threads
        self._name = name
        self._begin = begin
        self._threads: list[threading.Thread] = []
        self._starting: dict[threading.Thread, Future[None]] = {}
        self._replaced: set[threading.Thread] = set()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()  # None ends the threads
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Make a call on a thread."""
        with self._lock:
            if self._closed:
                raise RuntimeError("these threads have been stopped")
            call = _Call(partial(fn, *args, **kwargs))
            self._calls.put(call)
            if len(self._threads) < self._most:
                self._start()
        return call.future

    def replace(self, thread: threading.Thread) -> None:
        """Start another thread instead of one that hangs. If that ever comes back, it ends."""
        with self._lock:
            if thread in self._threads:
                self._threads.remove(thread)
                self._replaced.add(thread)
                if not self._closed:
                    self._start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no new calls; the threads end after those that they have."""
        with self._lock, suppress(Empty):
            self._closed = True
            while cancel_futures and (call := self._calls.get_nowait()) is not None:
                call.future.cancel()
        self._calls.put(None)
        if wait:
            self.join(None)

    def join(self, seconds: float | None) -> bool:
        """Wait for the threads to end, at most so long; return whether they have. Replaced ones do not count."""
        end = None if seconds is None else time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            self._starting[thread].result()
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _start(self) -> None:
        # The standard library's executor joins its threads when the interpreter ends, so one call that hangs would keep
        # the process alive forever.
        thread = threading.Thread(target=self._serve, name=f"{self._name}_{len(self._starting)}", daemon=True)
        self._threads.append(thread)
        # `start` waits until the thread runs, and the event loop has no time for that.
        starter = ThreadPoolExecutor(1)
        self._starting[thread] = starter.submit(thread.start)
        starter.shutdown(wait=False)

    def _serve(self) -> None:
        broken = self._begin_thread()
        while threading.current_thread() not in self._replaced:
            call = self._calls.get()
            if call is None:
                self._calls.put(None)  # for the next thread
                return
            call.run(broken)
            del call  # an idle thread must not keep a checkpoint in memory

    def _begin_thread(self) -> Exception | None:
        try:
            if self._begin is not None:
                self._begin()
        except BaseException as error:  # fails the calls; a dead thread would leave them waiting
            return contained(error)
        return None
