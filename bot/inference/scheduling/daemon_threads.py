"""Threads that hold up nothing that ends: neither a stop nor the end of the process.

The standard library's executor joins its threads when the interpreter ends, so a call that hangs keeps the process
alive for ever. These are daemons, they can be written off one by one, and a stop waits for them only so long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from bot.errors import describe

P = ParamSpec("P")
T = TypeVar("T")


class Escaped(Exception):
    """A call raised what would end a thread, a process or an iteration: `SystemExit`, for one."""


@dataclass(eq=False)
class _Work:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    future: Future[Any] = field(default_factory=Future)

    def do(self, broken: BaseException | None) -> None:
        """Make the call; fail it where the thread could not begin."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            if broken is not None:
                raise broken
            result = self.function(*self.arguments, **self.options)
        except BaseException as error:
            self.future.set_exception(contained(error))
        else:
            self.future.set_result(result)


def contained(error: BaseException) -> Exception:
    """An error that may be handed to another thread, where it ends no more than the call that it belongs to."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    return Escaped(describe(error))


class DaemonThreads(Executor):
    """An executor of daemon threads.

    Args:
        threads: how many; they are started when they are needed first.
        name: theirs, with a number behind it.
        begin: called on each thread before anything else.
    """

    def __init__(self, threads: int, name: str, begin: Callable[[], object] | None = None) -> None:
        self._most = threads
        self._name = name
        self._begin = begin
        self._threads: list[threading.Thread] = []
        self._starting: dict[threading.Thread, Future[None]] = {}
        self._lost: set[threading.Thread] = set()
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a thread make a call."""
        with self._lock:
            if self._closed:
                raise RuntimeError("these threads have been stopped")
            work = _Work(fn, args, kwargs)
            self._work.put(work)
            if len(self._threads) < self._most:
                self._start()
        return work.future

    def write_off(self, thread: threading.Thread) -> None:
        """Have another thread in the place of one that hangs; should it come back, it ends."""
        with self._lock:
            if thread in self._threads:
                self._threads.remove(thread)
                self._lost.add(thread)
                if not self._closed:
                    self._start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing new; the threads end when they have done what they were given."""
        self.close(cancel=cancel_futures)
        if wait:
            self.join(None)

    def close(self, *, cancel: bool = False) -> None:
        """Take nothing new.

        Args:
            cancel: whether calls that have not begun are cancelled.
        """
        with self._lock:
            self._closed = True
            while cancel and (work := self._not_begun()) is not None:
                work.future.cancel()
            self._work.put(None)

    def join(self, seconds: float | None) -> bool:
        """Wait until the threads have ended, so long at most; whether they have. Those written off do not count."""
        end = None if seconds is None else time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            self._starting[thread].result()
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _not_begun(self) -> _Work | None:
        try:
            return self._work.get_nowait()
        except Empty:
            return None

    def _start(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name}_{len(self._starting)}", daemon=True)
        self._threads.append(thread)
        # A start waits until the thread runs, for which the event loop has no time.
        starter = ThreadPoolExecutor(1)
        self._starting[thread] = starter.submit(thread.start)
        starter.shutdown(wait=False)

    def _serve(self) -> None:
        broken = self._began()
        while threading.current_thread() not in self._lost:
            work = self._work.get()
            if work is None:
                self._work.put(None)  # for the next thread
                return
            work.do(broken)
            del work  # what is idle must not keep a checkpoint in memory

    def _began(self) -> BaseException | None:
        try:
            if self._begin is not None:
                self._begin()
        except BaseException as error:  # whoever waits is told; a dead thread would tell nobody
            return contained(error)
        return None
