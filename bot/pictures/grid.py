"""A grid of coloured cells with a label for each row and each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.pictures.canvas import SMALL, Box, Canvas
from bot.pictures.palette import Colour

_SLANT = 55.0
_STEEP = 90.0


@dataclass(frozen=True)
class Labels:
    """The labels of one side, cut to a width, their type size and the width of the widest, in points."""

    texts: tuple[str, ...]
    size: float
    widest: float


@dataclass(frozen=True)
class Grid:
    """The left and top edge of a grid and the side of a cell, in points; the number of rows and columns."""

    x: float
    y: float
    cell: float
    rows: int
    columns: int

    @property
    def bottom(self) -> float:
        """The y below the last row."""
        return self.y + self.rows * self.cell

    def box(self, row: int, column: int) -> Box:
        """Return a cell, with a hair of space around a large one."""
        box = Box(self.x + column * self.cell, self.y + row * self.cell, self.cell, self.cell)
        return box.inset(0.5) if self.cell >= 10 else box


def row_labels(canvas: Canvas, grid: Grid, labels: Labels) -> None:
    """Write each row's label before it."""
    for index, text in enumerate(labels.texts):
        middle = grid.y + (index + 0.5) * grid.cell
        canvas.text(grid.x - 6, middle + labels.size * 0.36, text, labels.size, align=1)


def column_labels(canvas: Canvas, grid: Grid, labels: Labels) -> None:
    """Write each column's label above it: horizontal if all of them fit, otherwise turned."""
    degrees = _SLANT if grid.cell >= 18 else _STEEP
    for index, text in enumerate(labels.texts):
        middle = grid.x + (index + 0.5) * grid.cell
        if labels.widest <= grid.cell - 4:
            canvas.text(middle, grid.y - 6, text, labels.size, align=0.5)
        else:
            canvas.text(middle + labels.size * 0.36, grid.y - 6, text, labels.size, degrees=degrees)


def matrix(values: npt.ArrayLike, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return values of shape (rows, columns), with 0 for NaN and infinities; raise `ValueError` for other shapes."""
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (rows, columns) and (found.size or rows * columns):
        raise ValueError(f"{rows} rows and {columns} columns are labelled, and the values have shape {found.shape}")
    return np.nan_to_num(found.reshape(rows, columns), posinf=0.0, neginf=0.0)


def largest(values: npt.NDArray[np.float64], number: int) -> list[tuple[int, int]]:
    """Return row and column of the largest values in order; −∞ is left out."""
    flat = values.ravel()
    number = min(number, int((flat > -np.inf).sum()))
    if not number:
        return []
    found = np.argpartition(-flat, number - 1)[:number]
    ordered = sorted(found.tolist(), key=lambda index: (-flat[index], index))
    return [divmod(index, values.shape[1]) for index in ordered]


def number_in(canvas: Canvas, box: Box, text: str, colour: Colour, size: float = SMALL) -> None:
    """Write a number into a cell, if it fits."""
    if canvas.text_width(text, size) <= box.width - 2:
        canvas.text(box.middle, box.y + box.height / 2 + size * 0.36, text, size, align=0.5, fill=colour)


def cut_labels(canvas: Canvas, texts: Sequence[str], size: float, width: float) -> Labels:
    """Return labels of at most a width."""
    cut = tuple(canvas.cut(text, size, width) for text in texts)
    return Labels(cut, size, max((canvas.text_width(text, size) for text in cut), default=0.0))
