"""Cosine similarities of texts as a heat map with numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bot.locales.message import _, plural
from bot.locales.numbers import decimal, whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Canvas
from bot.pictures.grid import Grid, column_labels, cut_labels, largest, matrix, number_in
from bot.pictures.palette import MUTED, evidence, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, listed, quoted

MOST_TEXTS = 12

_LABEL_WIDTH = 150.0
_SMALLEST_CELL = 38.0
_LARGEST_CELL = 46.0
_NAMED = 3


def similarity_map(texts: Sequence[str], cosines: npt.ArrayLike, title: str = "") -> Picture:
    """Draw cosine similarities: blue for alike, orange for opposed, and the number in each cell.

    Args:
        cosines: of shape (texts, texts), from −1 to 1.

    Raises:
        ValueError: the shape of the cosines isn't that of the texts.
    """
    values = matrix(cosines, len(texts), len(texts))
    shown = texts[:MOST_TEXTS]
    canvas = Canvas(max(WIDTH, _LABEL_WIDTH + 2 * MARGIN + len(shown) * _SMALLEST_CELL), texts)
    y = canvas.title(title, _first_texts(len(texts)))
    room = canvas.width - 2 * MARGIN
    cell = min((room - _LABEL_WIDTH) / max(len(shown), 1), _LARGEST_CELL)
    grid = Grid(MARGIN + room - len(shown) * cell, y + TEXT + 8, cell, len(shown), len(shown))
    _row_texts(canvas, grid, shown)
    numbers = [str(index) for index in range(1, len(shown) + 1)]
    column_labels(canvas, grid, cut_labels(canvas, numbers, TEXT, cell))
    for row in range(grid.rows):
        for column in range(grid.columns):
            box, value = grid.box(row, column), float(values[row, column])
            colour = evidence(value)
            canvas.box(box, colour, radius=3)
            number_in(canvas, box, cosine(value), ink_on(colour), TEXT if cell >= 40 else SMALL)
    y = grid.bottom + 8 + SMALL
    canvas.text(MARGIN, y, _("1 the same meaning,  0 unrelated,  −1 opposed"), SMALL, fill=MUTED)
    return canvas.picture(y + MARGIN, _alt(texts, values, title))


def _row_texts(canvas: Canvas, grid: Grid, texts: Sequence[str]) -> None:
    """Write each row's number and text, on at most two lines."""
    for index, text in enumerate(texts):
        middle = grid.y + (index + 0.5) * grid.cell
        lines = canvas.wrapped(text, TEXT, grid.x - MARGIN - 30, 2)
        canvas.text(MARGIN, middle + 4.5, str(index + 1), TEXT, bold=True)
        for number, line in enumerate(lines):
            canvas.text(MARGIN + 22, middle + 4.5 + (number - (len(lines) - 1) / 2) * (TEXT + 3), line, TEXT)


def cosine(value: float) -> str:
    """Return "−0.03" for `-0.034`, with a true minus sign; never a negative zero."""
    return decimal(value, 2)


def _alt(texts: Sequence[str], values: npt.NDArray[np.float64], title: str) -> str:
    is_pair = ~np.tri(*values.shape, dtype=np.bool_)
    most = largest(np.where(is_pair, values, -np.inf), _NAMED)
    least = largest(np.where(is_pair, -values, -np.inf), 1) if is_pair.sum() > _NAMED else []

    def said(pairs: Sequence[tuple[int, int]]) -> str:
        return listed(
            [
                _(
                    "{one} and {other} {cosine}",
                    one=quoted(texts[i]),
                    other=quoted(texts[j]),
                    cosine=cosine(values[i, j]),
                )
                for i, j in pairs
            ]
        )

    sentences = [
        plural(
            "Cosine similarities of {number} text with each other.",
            "Cosine similarities of {number} texts with each other.",
            len(texts),
            number=whole(len(texts)),
        ),
        _("Most alike: {pairs}.", pairs=said(most)) if most else "",
        _("Least alike: {pairs}.", pairs=said(least)) if least else "",
    ]
    return alt_text(sentences, title)


def _first_texts(number: int) -> str:
    if number <= MOST_TEXTS:
        return ""
    return _("The first {most} of {number} texts.", most=MOST_TEXTS, number=whole(number))
