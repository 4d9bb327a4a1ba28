"""The number of PyTorch's threads that compute a small forward pass."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch

LARGEST = 64
"""Tokens of the largest forward pass that may use fewer threads than all."""
REMEMBERED = 5
"""Times per number of threads, whose median counts."""
LOOK_EVERY = 32
"""Passes between two tries of another number of threads, in case it has become faster."""


class _Times:
    """The times of passes of about one size, by number of threads."""

    def __init__(self, most: int) -> None:
        # All threads, halved down to one: 6 → 6, 3, 1.
        self.seen = {most >> shift: deque[float](maxlen=REMEMBERED) for shift in range(most.bit_length())}
        self.passes = 0

    def choose(self) -> int:
        """Return the number of threads for the next pass."""
        self.passes += 1
        for number, times in self.seen.items():
            if len(times) < REMEMBERED:
                return number
        best = min(self.seen, key=lambda number: median(self.seen[number]))
        if self.passes % LOOK_EVERY:
            return best
        others = [number for number in self.seen if number != best]
        return others[self.passes // LOOK_EVERY % len(others)]


@dataclass
class Pass:
    """A pass that is being timed."""

    parts: int = 1
    """Equal parts that it consists of, such as decode steps; set by the caller."""


class ThreadChoice:
    """Chooses the number of threads for a model's small forward passes. Used on the device's thread only.

    Waking threads for each of a decode step's hundreds of operations can take longer than they save. The best number
    depends on the machine, the model and the load, so passes are timed as they come.

    Attributes:
        active: whether to choose at all, rather than use all threads.
    """

    def __init__(self, *, active: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self.active = active
        self._clock = clock
        self._times: dict[Hashable, _Times] = {}

    @contextmanager
    def chosen(self, name: str, tokens: int) -> Iterator[Pass]:
        """Compute a kind of pass over so many tokens with the number of threads that was fastest lately."""
        most = torch.get_num_threads() if self.active and tokens <= LARGEST else 1
        timed = Pass()
        if most == 1:
            yield timed
            return
        times = self._times.setdefault((name, tokens.bit_length()), _Times(most))
        number = times.choose()
        torch.set_num_threads(number)
        began = self._clock()
        try:
            yield timed
        finally:
            torch.set_num_threads(most)
        times.seen[number].append((self._clock() - began) / (timed.parts * tokens))
