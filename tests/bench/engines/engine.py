"""The interface of engines that answer many requests at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.bench.limit import Offline

Open = Callable[[str], AbstractContextManager[Offline]]


@dataclass(frozen=True)
class Engine:
    """Something that answers a list of requests at once.

    Attributes:
        name: in tables.
        precision: what it computes in, one of `bot.inference.compute.device.PRECISIONS`.
        ways: its settings, of which the fastest takes part.
        open: makes it ready with one of these, which may take a minute; raises anything if it cannot run it.
    """

    name: str
    precision: str
    ways: tuple[str, ...]
    open: Open

    def is_as_exact_as(self, precision: str) -> bool:
        """Return whether it rounds no more than a precision does, and so may set its limit."""
        return self.precision == "float32" or precision == "int8" or self.precision == precision
