"""Chooses how many of PyTorch's threads compute a small forward pass.

Each operation of a forward pass is spread over all threads, and waits for all of them at its end. A decode step has
hundreds of operations of some ten microseconds. Waking the other threads can take longer than they save, and on a busy
machine they come late. The best number depends on the machine, the model and the load, so passes that are computed
anyway are timed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import torch

LARGEST = 64
"""Tokens. Larger forward passes always use all threads."""
REMEMBERED = 5
"""The median is taken of so many times."""
LOOK_EVERY = 32
"""One in so many passes tries another number of threads, in case that has become faster."""


@dataclass
class _Times:
    """The times of passes of about one size, by number of threads."""

    numbers: list[int]
    passes: int = 0
    seen: dict[int, deque[float]] = field(default_factory=dict)

    def choose(self) -> int:
        """Return the number of threads for the next pass."""
        self.passes += 1
        for number in self.numbers:
            if len(self.seen.get(number, ())) < REMEMBERED:
                return number
        best = min(self.numbers, key=lambda number: median(self.seen[number]))
        if self.passes % LOOK_EVERY:
            return best
        others = [number for number in self.numbers if number != best]
        return others[self.passes // LOOK_EVERY % len(others)]

    def note(self, number: int, seconds: float) -> None:
        """Record the time of a pass."""
        self.seen.setdefault(number, deque(maxlen=REMEMBERED)).append(seconds)


@dataclass
class Pass:
    """A running pass.

    Attributes:
        parts: how many equal parts it has, such as decode steps; set by the caller.
    """

    parts: int = 1


class ThreadChoice:
    """Chooses the number of threads for a model's small forward passes. Used on the device's thread only.

    Attributes:
        active: whether to choose at all. In bfloat16 the number of threads changes no bit of the result (a probe checks
            that, see `batch_invariance`). In float32 it does, and a seed must reproduce its text.
    """

    def __init__(self, *, active: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self.active = active
        self._clock = clock
        self._times: dict[Hashable, _Times] = {}

    @contextmanager
    def chosen(self, name: str, tokens: int) -> Iterator[Pass]:
        """Run the body with the number of threads that was fastest lately.

        Args:
            name: the kind of pass.
            tokens: in the pass, padding included.
        """
        most = torch.get_num_threads() if self.active and tokens <= LARGEST else 1
        this = Pass()
        if most == 1:
            yield this
            return
        times = self._times.setdefault((name, tokens.bit_length()), _Times(_numbers(most)))
        number = times.choose()
        torch.set_num_threads(number)
        began = self._clock()
        try:
            yield this
        finally:
            torch.set_num_threads(most)
        times.note(number, (self._clock() - began) / (this.parts * tokens))


def _numbers(most: int) -> list[int]:
    """Return all threads, halved down to one: 6 → 6, 3, 1."""
    numbers = [most]
    while numbers[-1] > 1:
        numbers.append(numbers[-1] // 2)
    return numbers
