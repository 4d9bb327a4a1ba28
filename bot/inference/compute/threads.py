"""How many of PyTorch's threads a small forward pass is spread over.

Each operation of a forward pass is spread over all threads, and its end waits for them. A step of generation has
hundreds of operations that take some ten microseconds: there, waking the other threads can take longer than what they
save, and on a machine that does something else they come late. That depends on the machine, the model, and what else
runs, so it is measured on the fly: nothing is computed twice for it.
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
"""Tokens. Larger forward passes always have all threads."""
REMEMBERED = 5
"""Times of each number of threads that its median is taken of."""
LOOK_EVERY = 32
"""Of so many passes one is made with another number of threads, to see whether that has become better."""


@dataclass
class _Times:
    """What was seen of passes of about one size."""

    numbers: list[int]
    passes: int = 0
    seen: dict[int, deque[float]] = field(default_factory=dict)

    def choose(self) -> int:
        """How many threads the next pass has."""
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
        """Remember how long a pass took."""
        self.seen.setdefault(number, deque(maxlen=REMEMBERED)).append(seconds)


@dataclass
class Pass:
    """What is being computed.

    Attributes:
        parts: of so many equal parts, such as the tokens that were written one after the other.
    """

    parts: int = 1


class ThreadChoice:
    """Chooses the number of threads for a model's small forward passes. Used on the device's thread only.

    Args:
        active: whether to choose at all. In bfloat16 the numbers that come out are the same to the last bit (a probe
            looks, see `batch_invariance`); in float32 they are not, and a seed must give the same text
            again.
        clock: gives seconds.

    Attributes:
        active: see above.
    """

    def __init__(self, *, active: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self.active = active
        self._clock = clock
        self._times: dict[Hashable, _Times] = {}

    @contextmanager
    def chosen(self, name: str, tokens: int) -> Iterator[Pass]:
        """Compute inside the body with the number of threads that was fastest lately.

        Args:
            name: of what is computed.
            tokens: how many are computed at once, padding included.
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
    """All of the threads, and fewer of them by halves: 6 → 6, 3, 1."""
    numbers = [most]
    while numbers[-1] > 1:
        numbers.append(numbers[-1] // 2)
    return numbers
