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
    """Labels of one side, cut to a width.

    Attributes:
        texts: one for each row or column.
        size: of the type, in points.
        widest: points that the widest takes.
    """

    texts: tuple[str, ...]
    size: float
    widest: float


@dataclass(frozen=True)
class Grid:
    """Where a grid's cells are.

    Attributes:
        x: of the first column's left edge, in points.
        y: of the first row's top edge.
        cell: the side of a cell.
        rows: their number.
        columns: their number.
    """

    x: float
    y: float
    cell: float
    rows: int
    columns: int

    @property
    def bottom(self) -> float:
        """The y below the last row."""
        return self.y + self.rows * self.cell

    @property
    def right(self) -> float:
        """The x behind the last column."""
        return self.x + self.columns * self.cell

    def box(self, row: int, column: int) -> Box:
        """A cell, with a hair of space around it where cells are large enough."""
        box = Box(self.x + column * self.cell, self.y + row * self.cell, self.cell, self.cell)
        return box.inset(0.5) if self.cell >= 10 else box


def row_labels(canvas: Canvas, grid: Grid, labels: Labels) -> None:
    """Writes each row's label before it."""
    for index, text in enumerate(labels.texts):
        middle = grid.y + (index + 0.5) * grid.cell
        canvas.text(grid.x - 6, middle + labels.size * 0.36, text, labels.size, align=1)


def column_labels(canvas: Canvas, grid: Grid, labels: Labels) -> None:
    """Writes each column's label above it, upright where all fit, else turned."""
    degrees = _slant(labels, grid.cell)
    for index, text in enumerate(labels.texts):
        middle = grid.x + (index + 0.5) * grid.cell
        if degrees:
            canvas.text(middle + labels.size * 0.36, grid.y - 6, text, labels.size, degrees=degrees)
        else:
            canvas.text(middle, grid.y - 6, text, labels.size, align=0.5)


def matrix(values: npt.ArrayLike, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Values of shape (rows, columns); those that are no number become 0.

    Raises:
        ValueError: they have another shape.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (rows, columns) and (found.size or rows * columns):
        raise ValueError(f"{rows} rows and {columns} columns are labelled, and the values have shape {found.shape}")
    return np.nan_to_num(found.reshape(rows, columns), posinf=0.0, neginf=0.0)


def largest(values: npt.NDArray[np.float64], number: int) -> list[tuple[int, int]]:
    """Row and column of the largest values, in order; those of −∞ are left out."""
    flat = values.ravel()
    number = min(number, int((flat > -np.inf).sum()))
    if not number:
        return []
    found = np.argpartition(-flat, number - 1)[:number]
    ordered = sorted(found.tolist(), key=lambda index: (-flat[index], index))
    return [divmod(index, values.shape[1]) for index in ordered]


def _slant(labels: Labels, cell: float) -> float:
    """By how many degrees column labels are turned."""
    if labels.widest <= cell - 4:
        return 0.0
    return _SLANT if cell >= 18 else _STEEP


def number_in(canvas: Canvas, box: Box, text: str, colour: Colour, size: float = SMALL) -> None:
    """Writes a number into a cell, where it fits."""
    if canvas.text_width(text, size) <= box.width - 2:
        canvas.text(box.x + box.width / 2, box.y + box.height / 2 + size * 0.36, text, size, align=0.5, fill=colour)


def cut_labels(canvas: Canvas, texts: Sequence[str], size: float, width: float) -> Labels:
    """Labels that are at most so wide."""
    cut = tuple(canvas.cut(text, size, width) for text in texts)
    return Labels(cut, size, max((canvas.text_width(text, size) for text in cut), default=0.0))
