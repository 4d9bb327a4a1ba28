"""Cells of unlike width in lines, as words are set in a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One piece of a paragraph.

    Attributes:
        width: in points.
        gap: to the cell before it, where that stands on the same line.
        ends_line: whether the next cell begins a new line.
    """

    width: float
    gap: float = 0.0
    ends_line: bool = False


@dataclass(frozen=True)
class Place:
    """Where a cell stands.

    Attributes:
        x: of its left edge, in points.
        line: counted from 0.
    """

    x: float
    line: int


def flow(cells: Iterable[Cell], x: float, width: float, most_lines: int, leftwards: bool = False) -> list[Place]:
    """Sets cells from left to right, or from right to left, and begins a new line where one is full.

    Args:
        x: of the paragraph's left edge.
        width: of the paragraph; a wider cell gets a line of its own, and stands out of it.
        most_lines: what stands below them is left out.

    Returns:
        the places of the cells that are not left out.
    """
    places: list[Place] = []
    pen, line, is_first = 0.0, 0, True
    for cell in cells:
        start = pen if is_first else pen + cell.gap
        if not is_first and start + cell.width > width:
            start, line = 0.0, line + 1
        if line == most_lines:
            break
        places.append(Place(x + (width - start - cell.width if leftwards else start), line))
        pen, is_first = start + cell.width, False
        if cell.ends_line:
            pen, line, is_first = 0.0, line + 1, True
    return places


def height(places: Sequence[Place], line: float) -> float:
    """Of the lines that a paragraph takes, where each is so high."""
    return (places[-1].line + 1) * line if places else 0.0
