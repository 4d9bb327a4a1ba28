"""A fault that can be made, and all of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeAlias

import tests.faults.rows
from tests.faults.tally import Tally

Drive: TypeAlias = Callable[[int], Coroutine[Any, Any, Tally]]
"""Makes a fault so many times, and counts what became of those who asked."""


class NotPossible(Exception):
    """A fault cannot be made on this machine; the text says why."""


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes:
        name: unique, as the command's argument names it.
        sentence: what is wrong, for the table.
        drive: makes it.
        times: how often, in the table.
        quick_times: how often, in the test suite.
        slow: whether even that takes more than about five seconds, so that only `make test-all` does it.
    """

    name: str
    sentence: str
    drive: Drive
    times: int = 1
    quick_times: int = 1
    slow: bool = False


def all_faults() -> list[Fault]:
    """Return the faults of all modules in `tests.faults.rows`, each of which lists its own in `FAULTS`."""
    package = tests.faults.rows
    modules = sorted(found.name for found in iter_modules(package.__path__))
    return [fault for name in modules for fault in import_module(f"{package.__name__}.{name}").FAULTS]
