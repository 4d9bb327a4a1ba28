"""What a target is given: numbers and texts, read from bytes that a fuzzer or hypothesis has made.

The bytes are those of the numbers, and the texts behind them in UTF-8, each behind a byte that UTF-8 never has. So an
input is readable, and what a fuzzer changes in one text leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

BORDER = b"\xff"
FRACTIONS = (0.0, 0.01, 0.05, 0.5, 1.0, 2.0, 2.1, -1.0, 1e300, float("nan"), float("inf"))
_WIDE = 4
"""Bytes of a number above 255."""


class Choices:
    """Gives what is asked for, in order; when the bytes are used up, the least number and the empty text.

    Args:
        data: an input.
    """

    def __init__(self, data: bytes) -> None:
        numbers, *texts = data.split(BORDER)
        self._numbers = iter(numbers)
        self._texts = iter(texts)

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        width = 1 if high - low < 256 else _WIDE
        return low + int.from_bytes(bytes(islice(self._numbers, width)), "little") % (high - low + 1)

    def flag(self) -> bool:
        """Return whether something is so."""
        return bool(self.number(0, 1))

    def fraction(self) -> float:
        """Return a number that may be out of every range."""
        return self.one_of(FRACTIONS)

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of some options."""
        return options[self.number(0, len(options) - 1)]

    def raw(self) -> bytes:
        """Return the bytes of the next text."""
        return next(self._texts, b"")

    def text(self) -> str:
        """Return the next text. Bytes that are no UTF-8 are lone surrogates in it."""
        return _decoded(self.raw())

    def texts(self) -> list[str]:
        """Return all further texts."""
        return list(map(_decoded, self._texts))


def written(numbers: Sequence[int], *texts: str | bytes) -> bytes:
    """Return the input that gives these numbers, each a byte, and texts."""
    parts = (text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in texts)
    return BORDER.join((bytes(numbers).replace(BORDER, b"\xfe"), *(part.replace(BORDER, b"") for part in parts)))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")
