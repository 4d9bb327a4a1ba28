"""Cosine similarities of texts as a heat map with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt

from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Canvas
from bot.pictures.grid import Grid, column_labels, cut_labels, largest, matrix, number_in
from bot.pictures.palette import MUTED, evidence, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import MINUS, alt_text, counted, first_of, listed, quoted

MOST_TEXTS = 12

_LABEL_WIDTH = 150.0
_SMALLEST_CELL = 38.0
_LARGEST_CELL = 46.0
_NAMED = 3


def similarity_map(rows: Sequence[str], columns: Sequence[str], cosines: npt.ArrayLike, title: str = "") -> Picture:
    """Draw cosine similarities: blue for alike, orange for opposed, and the number in each cell.

    Rows have a number and columns a letter, which a list explains; texts that are compared with each other have
    numbers on both sides.

    Args:
        cosines: of shape (rows, columns), from −1 to 1.

    Raises:
        ValueError: the shape of the cosines isn't that of the texts.
    """
    values = matrix(cosines, len(rows), len(columns))
    is_square = list(rows) == list(columns)
    across = rows[:MOST_TEXTS] if is_square else columns[:MOST_TEXTS]
    down = rows[:MOST_TEXTS]
    keys = [str(index) for index in range(1, len(across) + 1)] if is_square else list(ascii_uppercase[: len(across)])
    canvas = Canvas(max(WIDTH, _LABEL_WIDTH + 2 * MARGIN + len(across) * _SMALLEST_CELL), (*rows, *columns))
    y = canvas.title(title, first_of(MOST_TEXTS, max(len(rows), len(columns)), "texts"))
    room = canvas.width - 2 * MARGIN
    cell = min((room - _LABEL_WIDTH) / max(len(across), 1), _LARGEST_CELL)
    if not is_square:
        y = _list(canvas, keys, across, y)
    grid = Grid(MARGIN + room - len(across) * cell, y + TEXT + 8, cell, len(down), len(across))
    _row_texts(canvas, grid, down)
    column_labels(canvas, grid, cut_labels(canvas, keys, TEXT, cell))
    for row in range(grid.rows):
        for column in range(grid.columns):
            box, value = grid.box(row, column), float(values[row, column])
            colour = evidence(value)
            canvas.box(box, colour, radius=3)
            number_in(canvas, box, cosine(value), ink_on(colour), TEXT if cell >= 40 else SMALL)
    y = grid.bottom + 8 + SMALL
    canvas.text(MARGIN, y, "1 the same meaning,  0 unrelated,  −1 opposed", SMALL, fill=MUTED)
    return canvas.picture(y + MARGIN, _alt(rows, columns, values, is_square, title))


def _row_texts(canvas: Canvas, grid: Grid, texts: Sequence[str]) -> None:
    """Write each row's number and text, on at most two lines."""
    for index, text in enumerate(texts):
        middle = grid.y + (index + 0.5) * grid.cell
        lines = canvas.wrapped(text, TEXT, grid.x - MARGIN - 30, 2)
        canvas.text(MARGIN, middle + 4.5, str(index + 1), TEXT, bold=True)
        for number, line in enumerate(lines):
            canvas.text(MARGIN + 22, middle + 4.5 + (number - (len(lines) - 1) / 2) * (TEXT + 3), line, TEXT)


def _list(canvas: Canvas, keys: Sequence[str], texts: Sequence[str], y: float) -> float:
    """List the columns' texts; return the y below them."""
    for key, text in zip(keys, texts, strict=True):
        y += TEXT + 4
        canvas.text(MARGIN, y, key, TEXT, bold=True)
        canvas.text(MARGIN + 20, y, canvas.cut(text, TEXT, canvas.width - 2 * MARGIN - 20), TEXT)
    return y + 10


def cosine(value: float) -> str:
    """`-0.034` → "−0.03", with a true minus sign; never a negative zero."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


def _alt(
    rows: Sequence[str], columns: Sequence[str], values: npt.NDArray[np.float64], is_square: bool, title: str
) -> str:
    is_pair = ~np.tri(*values.shape, dtype=np.bool_) if is_square else np.ones(values.shape, dtype=np.bool_)
    most = largest(np.where(is_pair, values, -np.inf), _NAMED)
    least = largest(np.where(is_pair, -values, -np.inf), 1) if is_pair.sum() > _NAMED else []

    def said(pairs: Sequence[tuple[int, int]]) -> str:
        return listed([f"{quoted(rows[i])} and {quoted(columns[j])} {cosine(values[i, j])}" for i, j in pairs])

    compared = "with each other" if is_square else f"with {counted(len(columns), 'other')}"
    sentences = [
        f"Cosine similarities of {counted(len(rows), 'text')} {compared}.",
        f"Most alike: {said(most)}." if most else "",
        f"Least alike: {said(least)}." if least else "",
    ]
    return alt_text(sentences, title)
