"""Attention weights as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.locales.lists import sentences
from bot.locales.message import Message, _, later, later_plural
from bot.locales.numbers import decimal, whole, without_groups
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.grid import Grid, column_labels, cut_labels, largest, matrix, number_in, row_labels
from bot.pictures.palette import BORDER, CARD, MUTED, amount, greyness, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, filled, listed, quoted

MOST_TOKENS = 40
"""On an axis; a longer text shows its first."""

_LABEL_WIDTH = 88.0
_FEW = 16  # columns whose labels have room for larger type
_SMALLEST_CELL = 13.0
_LARGEST_CELL = 44.0
_NAMED = 3  # pairs in the alt text


@dataclass(frozen=True)
class Quantity:
    """What the numbers of a map are: each row sums to 1."""

    of_scale: Message
    """Beside the scale of colours."""
    about: Message
    """Below the title."""
    in_alt: Message
    """Lacks the numbers of tokens that look, and of those that are looked at."""
    grey: Message
    """Below the title, about a column apart, as `apart_in_alt`; both lack its token and its share."""
    apart_in_alt: Message


WEIGHT = Quantity(
    # Translators: beside a scale of colours, at most 40 characters.
    later("attention weight"),
    later("Each row: where the token on the left looks."),
    later("Attention weights: {queries} looking at {keys}."),
    later("Grey: {token}, which gets {share} of all weight."),
    later("{token} gets {share} of all weight."),
)
ARRIVING = Quantity(
    # Translators: beside a scale of colours, at most 40 characters.
    later("share that arrives"),
    later("Each row: what arrives at the token on the left, by its length."),
    later("What arrives (weights times values): {queries} receiving from {keys}."),
    later("Grey: {token}, which gets {share} of all that arrives."),
    later("{token} gets {share} of all that arrives."),
)


@dataclass(frozen=True)
class Apart:
    """A column that is shown apart, in grey, because its weights would hide the others."""

    column: int
    share: float
    """Of all weight."""


def attention_map(
    rows: Sequence[str],
    columns: Sequence[str],
    weights: npt.ArrayLike,
    title: str = "",
    *,
    causal: bool = False,
    apart: Apart | None = None,
    quantity: Quantity = WEIGHT,
) -> Picture:
    """Draw attention weights: each row shows how a token divides its attention of 1 among the columns' tokens.

    Args:
        rows: the queries' tokens, such as a decoder's.
        columns: the keys' tokens.
        weights: of shape (rows, columns), from 0 to 1.
        causal: whether a token sees only itself and those before it; the others are hatched.
        quantity: what the numbers are.
        apart: the scale of the others' colours ends at their largest weight.

    Raises:
        ValueError: the shape of the weights isn't that of the labels.
    """
    values = matrix(weights, len(rows), len(columns))
    number_of_rows, number_of_columns = min(len(rows), MOST_TOKENS), min(len(columns), MOST_TOKENS)
    size = TEXT if number_of_columns <= _FEW else SMALL
    canvas = Canvas(WIDTH, (*rows[:MOST_TOKENS], *columns[:MOST_TOKENS]))
    down = cut_labels(canvas, [as_chip(text) for text in rows[:MOST_TOKENS]], size, _LABEL_WIDTH)
    across = cut_labels(canvas, [as_chip(text) for text in columns[:MOST_TOKENS]], size, _LABEL_WIDTH)
    left = MARGIN + 6 + down.widest
    # The last slanted label reaches beyond the grid.
    room = WIDTH - MARGIN - left - (across.widest * 0.5 if number_of_columns <= _FEW else 0)
    cell = min(max(room / max(number_of_columns, 1), _SMALLEST_CELL), _LARGEST_CELL)
    canvas.width = max(WIDTH, left + number_of_columns * cell + MARGIN)
    y = canvas.title(title, _note(rows, columns, causal, apart, quantity))
    top = _largest(values, causal, apart)
    grid = Grid(left, y + across.widest * 0.9 + 14, cell, number_of_rows, number_of_columns)
    row_labels(canvas, grid, down)
    column_labels(canvas, grid, across)
    _cells(canvas, grid, values, top, causal=causal, apart=apart)
    height = _scale(canvas, grid.bottom + 14, top, quantity)
    return canvas.picture(height, _alt(rows, columns, values, title, causal, apart, quantity))


def _largest(values: npt.NDArray[np.float64], causal: bool, apart: Apart | None) -> float:
    """Return the weight of the darkest colour: 1, or the next twentieth above the largest beside a column apart."""
    if apart is None or values.shape[1] < 2:
        return 1.0
    # The first token of a causal model sees only itself.
    others = np.delete(values[1:] if causal else values, apart.column, axis=1)
    return min(math.ceil(20 * float(others.max(initial=0.0)) + 1e-9) / 20, 1.0)


def _cells(
    canvas: Canvas, grid: Grid, values: npt.NDArray[np.float64], top: float, *, causal: bool, apart: Apart | None
) -> None:
    for row in range(grid.rows):
        seen = min(row + 1, grid.columns) if causal else grid.columns
        unseen = Box(grid.x + seen * grid.cell, grid.y + row * grid.cell, (grid.columns - seen) * grid.cell, grid.cell)
        canvas.box(unseen, CARD, hatch=BORDER)
        for column in range(seen):
            box, value = grid.box(row, column), float(values[row, column])
            is_apart = apart is not None and column == apart.column
            colour = greyness(value) if is_apart else weight_colour(value / top)
            canvas.box(box, colour)
            if grid.cell >= 34 and value >= 0.005:
                number_in(canvas, box, decimal(value, 2), ink_on(colour))


def weight_colour(value: float) -> tuple[int, int, int]:
    return amount(max(value, 0.0) ** 0.5)  # most weights are small


def _note(rows: Sequence[str], columns: Sequence[str], causal: bool, apart: Apart | None, quantity: Quantity) -> str:
    hatched = _("Hatched: comes later.") if causal else ""
    grey = "" if apart is None else _about(quantity.grey, columns, apart)
    return sentences(quantity.about, hatched, grey, first_tokens(max(len(rows), len(columns))))


def _about(said: Message, columns: Sequence[str], apart: Apart) -> str:
    return filled(said, token=quoted(columns[apart.column]), share=decimal(apart.share, 2))


def first_tokens(number: int) -> str:
    """Say that only the first tokens are drawn; "" if these are all."""
    if number <= MOST_TOKENS:
        return ""
    return _("The first {most} of {number} tokens.", most=MOST_TOKENS, number=whole(number))


def tokens_in_words(number: int) -> Message:
    """Return "9 tokens"."""
    return later_plural("{number} token", "{number} tokens", number, number=whole(number))


def _scale(canvas: Canvas, y: float, top: float, quantity: Quantity) -> float:
    """Draw the scale of colours from 0 to the weight of the darkest one; return the card's height."""
    width, steps = 220.0, 110
    canvas.box(Box(MARGIN - 1, y - 1, width + 2, 14), BORDER)
    for step in range(steps):
        share = step / (steps - 1)
        canvas.box(Box(MARGIN + width / steps * step, y, width / steps, 12), weight_colour(share))
    for tick in (0.0, 0.1, 0.25, 0.5, 1.0):
        x = MARGIN + width * tick
        canvas.box(Box(x - 0.5, y + 12, 1, 4), MUTED)
        canvas.text(x, y + 27, without_groups(f"{tick * top:.2g}"), SMALL, fill=MUTED, align=0.5 if tick else 0.0)
    canvas.text(MARGIN + width + 16, y + 10, str(quantity.of_scale), SMALL, fill=MUTED)
    return y + 29 + MARGIN


def _alt(
    rows: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[np.float64],
    title: str,
    causal: bool,
    apart: Apart | None,
    quantity: Quantity,
) -> str:
    seen = np.where(np.tri(*values.shape, dtype=np.bool_), values, -np.inf) if causal else values.copy()
    if apart is not None:
        seen[:, apart.column] = -np.inf
        if causal:
            seen[0] = -np.inf
    strongest = [
        _(
            "{query} to {key} {weight}",
            query=quoted(rows[row]),
            key=quoted(columns[column]),
            weight=decimal(float(values[row, column]), 2),
        )
        for row, column in largest(seen, _NAMED)
    ]
    sentences = [
        filled(quantity.in_alt, queries=tokens_in_words(len(rows)), keys=tokens_in_words(len(columns))),
        "" if apart is None else _about(quantity.apart_in_alt, columns, apart),
        _strongest(strongest, of_others=apart is not None) if strongest else "",
    ]
    return alt_text(sentences, title)


def _strongest(pairs: Sequence[str], *, of_others: bool) -> str:
    if of_others:
        return _("Strongest of the others: {pairs}.", pairs=listed(pairs))
    return _("Strongest: {pairs}.", pairs=listed(pairs))
