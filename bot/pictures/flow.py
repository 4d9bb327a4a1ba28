"""Cells of different widths, set in lines as words are in a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Cell:
    """One piece of a paragraph; lengths are in points."""

    width: float
    gap: float = 0.0
    """To the cell before it, if that is on the same line."""
    ends_line: bool = False


class Placed(NamedTuple):
    """The left edge of a cell, in points, and its line, counted from 0."""

    x: float
    line: int


def flow(cells: Iterable[Cell], x: float, width: float, most_lines: int, leftwards: bool = False) -> list[Placed]:
    """Set cells in lines, from left to right or from right to left, and leave out those below the last line.

    Args:
        x: left edge of the paragraph.
        width: of the paragraph; a wider cell gets a line of its own and overflows it.
    """
    placed: list[Placed] = []
    pen, line, is_first = 0.0, 0, True
    for cell in cells:
        start = pen if is_first else pen + cell.gap
        if not is_first and start + cell.width > width:
            start, line = 0.0, line + 1
        if line == most_lines:
            break
        placed.append(Placed(x + (width - start - cell.width if leftwards else start), line))
        pen, is_first = start + cell.width, False
        if cell.ends_line:
            pen, line, is_first = 0.0, line + 1, True
    return placed


def height(placed: Sequence[Placed], line: float) -> float:
    """Return the height of a paragraph whose lines are `line` points high."""
    return (placed[-1].line + 1) * line if placed else 0.0
