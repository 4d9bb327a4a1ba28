"""Values of messages that are written when they are read: numbers, times and lists, in the reader's locale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.locales import lists, numbers
from bot.locales.current import ENGLISH, current_locale
from bot.locales.languages import language_name
from bot.locales.message import Readable

Part: TypeAlias = str | Readable
"""What a list has: names as they are, and what is written in the reader's locale."""


def exact(number: float) -> str:
    """Return a number with all of its digits: "0.05", "1,000"."""
    written = f"{number:,}"
    if current_locale() == ENGLISH or not math.isfinite(number):
        return written
    return numbers.decimal(number, len(written.partition(".")[2])) if "." in written else numbers.whole(int(number))


@dataclass(frozen=True)
class Later(Readable):
    """A value and how it is written, one of `WRITERS`."""

    form: str
    value: str | float | tuple[Part, ...]

    def __str__(self) -> str:
        """Return it in the current locale."""
        value = tuple(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        return WRITERS[self.form](value)


WRITERS: Mapping[str, Callable[[Any], str]] = {
    "whole": numbers.whole,
    "exact": exact,
    "seconds": numbers.in_seconds,
    "language": language_name,
    "joined": lists.joined,
    "either": lists.either,
    "enumerated": lists.enumerated,
}
"""How values are written, by names that other processes know (`bot.inference.wire.messages`)."""
LISTS = frozenset({"joined", "either", "enumerated"})
"""Those that write lists."""
NUMBERS = frozenset({"whole", "exact", "seconds"})
"""Those that write numbers."""


def later_whole(number: int) -> Later:
    """A whole number, such as "47,392"."""
    return Later("whole", number)


def later_exact(number: float) -> Later:
    """A number with all of its digits, such as "0.05" or "1,000"."""
    return Later("exact", number)


def later_seconds(seconds: float) -> Later:
    """A time, such as "2 minutes", rounded up."""
    return Later("seconds", seconds)


def later_language(tag: str) -> Later:
    """The name of a language, such as "German" for `de`."""
    return Later("language", tag)


def later_joined(names: Iterable[Part]) -> Later:
    """A list of all, such as "a, b and c"."""
    return Later("joined", tuple(names))


def later_either(names: Iterable[Part]) -> Later:
    """A list of alternatives, such as "a, b or c"."""
    return Later("either", tuple(names))


def later_enumerated(names: Iterable[Part]) -> Later:
    """A list with nothing but commas, such as "a, b, c"."""
    return Later("enumerated", tuple(names))
