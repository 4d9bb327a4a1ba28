"""Probabilities as bars and numbers."""

from __future__ import annotations

import math

WIDTH = 12
"""Of a bar, in characters: with the number and a label it fits a line on a phone."""

NO_BREAK_SPACE = "\u00a0"

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LONGEST_PERCENT = len("> 99.9 %")


def bar(probability: float, width: int = WIDTH) -> str:
    """A bar of eighth blocks, filled up to `width` characters with spaces that Discord keeps."""
    eighths = 0 if math.isnan(probability) else round(min(max(probability, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width, NO_BREAK_SPACE)


def percent(probability: float) -> str:
    """`0.8312` → "83.1 %"; never 100.0 % for less than 1, nor 0.0 % for more than 0."""
    if math.isnan(probability):
        return "unknown"
    rounded = round(probability * 100, 1)
    if rounded >= 100 and probability < 1:
        shown = "> 99.9 %"
    elif rounded <= 0 and probability > 0:
        shown = "< 0.1 %"
    else:
        shown = f"{min(max(0.0, rounded), 100.0):.1f} %"
    return shown.replace(" ", NO_BREAK_SPACE)


def bar_line(probability: float, label: str) -> str:
    """One line: bar, number, label. Bar and number stand in one code span, so that labels align.

    Args:
        label: Markdown.
    """
    return f"`{bar(probability)}{NO_BREAK_SPACE}{percent(probability).rjust(_LONGEST_PERCENT, NO_BREAK_SPACE)}` {label}"


def plain_line(probability: float, label: str) -> str:
    """The same for a text file."""
    return f"{percent(probability).rjust(_LONGEST_PERCENT, NO_BREAK_SPACE)}  {label}"
