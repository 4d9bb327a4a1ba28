"""Probabilities as bars and numbers."""

from __future__ import annotations

import math
from functools import cache

from bot.locales import numbers
from bot.locales.current import current_locale, written_in
from bot.text.cells import cells, right

WIDTH = 12
"""Of a bar, in characters: with its number and label it fits a line on a phone."""
NO_BREAK_SPACE = "\u00a0"

_EIGHTHS = " ▏▎▍▌▋▊▉"
_NEARLY_ALL = 1 - 1e-9
_PLAIN_SPACES = str.maketrans({" ": NO_BREAK_SPACE, "\N{NARROW NO-BREAK SPACE}": NO_BREAK_SPACE})
"""Discord wraps a code span at a space, and few monospaced fonts have the narrow one."""


def bar(probability: float, width: int = WIDTH) -> str:
    """Return a bar of eighth blocks, filled up to `width` characters with spaces that Discord keeps."""
    eighths = 0 if math.isnan(probability) else round(_clamped(probability) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width, NO_BREAK_SPACE)


def percent(probability: float) -> str:
    """Return "83.1 %" for `0.8312`; never 100.0 % for less than 1, nor 0.0 % for more than 0."""
    return numbers.percent(_clamped(probability)).translate(_PLAIN_SPACES)


def bar_line(probability: float, label: str) -> str:
    """Return a bar and its number in one code span, so that labels align, and then the label, which is Markdown."""
    return f"`{bar(probability)}{NO_BREAK_SPACE}{_aligned(probability)}` {label}"


def plain_line(probability: float, label: str) -> str:
    """Return the number and its label for a text file."""
    return f"{_aligned(probability)}  {label}"


def _aligned(probability: float) -> str:
    return right(percent(probability), _longest_percent(current_locale()), NO_BREAK_SPACE)


@cache
def _longest_percent(locale: str) -> int:
    """Return the cells of "> 99.9 %" in a locale."""
    with written_in(locale):
        return cells(percent(_NEARLY_ALL))


def _clamped(probability: float) -> float:
    return min(max(probability, 0.0), 1.0)
