"""How much each pair of tokens, one of each text, adds to a cosine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bot.locales.lists import sentences
from bot.locales.message import _
from bot.locales.numbers import decimal
from bot.pictures.attention import first_tokens, tokens_in_words
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Canvas
from bot.pictures.grid import Grid, column_labels, cut_labels, largest, matrix, number_in, row_labels
from bot.pictures.palette import MUTED, evidence, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, listed, quoted

MOST_TOKENS = 40
"""On an axis; a longer text shows its first."""

_LABEL_WIDTH = 88.0
_FEW = 16
_SMALLEST_CELL = 13.0
_LARGEST_CELL = 44.0
_NAMED = 3


def pair_map(
    rows: Sequence[str], columns: Sequence[str], values: npt.ArrayLike, cosine: float, title: str = ""
) -> Picture:
    """Draw the shares of pairs of tokens: blue adds to the cosine, orange takes from it.

    Args:
        values: of shape (rows, columns).
        cosine: their sum, and that of tokens that are not drawn.

    Raises:
        ValueError: the shape of the values isn't that of the labels.
    """
    shares = matrix(values, len(rows), len(columns))
    few = min(len(columns), MOST_TOKENS) <= _FEW
    size = TEXT if few else SMALL
    canvas = Canvas(WIDTH, (*rows[:MOST_TOKENS], *columns[:MOST_TOKENS]))
    down = cut_labels(canvas, [as_chip(text) for text in rows[:MOST_TOKENS]], size, _LABEL_WIDTH)
    across = cut_labels(canvas, [as_chip(text) for text in columns[:MOST_TOKENS]], size, _LABEL_WIDTH)
    left = MARGIN + 6 + down.widest
    # The last slanted label reaches beyond the grid.
    room = WIDTH - MARGIN - left - (across.widest * 0.5 if few else 0)
    cell = min(max(room / max(len(across.texts), 1), _SMALLEST_CELL), _LARGEST_CELL)
    canvas.width = max(WIDTH, left + len(across.texts) * cell + MARGIN)
    cut = first_tokens(max(len(rows), len(columns)))
    y = canvas.title(title, sentences(_("Rows: one text's tokens. Columns: the other's."), cut))
    grid = Grid(left, y + across.widest * 0.9 + 14, cell, len(down.texts), len(across.texts))
    row_labels(canvas, grid, down)
    column_labels(canvas, grid, across)
    top = float(np.abs(shares).max(initial=0.0)) or 1.0
    for row in range(grid.rows):
        for column in range(grid.columns):
            box, value = grid.box(row, column), float(shares[row, column])
            colour = evidence(value / top)
            canvas.box(box, colour)
            if cell >= 38:
                number_in(canvas, box, said(value), ink_on(colour))
    y = grid.bottom + 8 + SMALL
    canvas.text(
        MARGIN,
        y,
        _("Blue adds to the cosine, orange takes from it. Darkest: {number}.", number=said(top)),
        SMALL,
        fill=MUTED,
    )
    return canvas.picture(y + MARGIN, _alt(rows, columns, shares, cosine, title))


def said(value: float) -> str:
    """Return "−0.034"; never a negative zero."""
    return decimal(value, 3)


def _alt(
    rows: Sequence[str], columns: Sequence[str], shares: npt.NDArray[np.float64], cosine: float, title: str
) -> str:
    def named(values: npt.NDArray[np.float64]) -> str:
        pairs = [pair for pair in largest(values, _NAMED) if values[pair] > 0]
        return listed(
            [
                _("{one} with {other} {share}", one=quoted(rows[i]), other=quoted(columns[j]), share=said(shares[i, j]))
                for i, j in pairs
            ]
        )

    most, least = named(shares), named(-shares)
    sentences = [
        _(
            "What pairs of {rows} and {columns} add to a cosine of {cosine}.",
            rows=tokens_in_words(len(rows)),
            columns=tokens_in_words(len(columns)),
            cosine=said(cosine),
        ),
        _("Most: {pairs}.", pairs=most) if most else "",
        _("Against it: {pairs}.", pairs=least) if least else "",
    ]
    return alt_text(sentences, title)
