"""Batches side by side, each computed by one thread from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

InT = TypeVar("InT")
OutT = TypeVar("OutT")


class Lanes:
    """Threads that each compute whole batches, without waiting for each other.

    Args:
        number: of the threads.
        of_torch: whether PyTorch computes in them: with one thread each, then.
    """

    def __init__(self, number: int, *, of_torch: bool = False) -> None:
        self._ready = Barrier(number + 1)
        usual = torch.get_num_threads()
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="benchmark-lane")
        for _ in range(number):
            self._threads.submit(self._begin, of_torch)
        self._ready.wait()
        # What is set in one thread is also what threads that begin later take over.
        torch.set_num_threads(usual)

    def _begin(self, of_torch: bool) -> None:
        if of_torch:
            torch.get_num_threads()  # the first question of a thread takes over what others have set
            torch.set_num_threads(1)
        self._ready.wait()

    def compute(self, forward: Callable[[InT], OutT], batches: Iterable[InT]) -> Iterator[OutT]:
        """Compute batches; their outputs come in the order of the batches."""
        return self._threads.map(forward, batches)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
