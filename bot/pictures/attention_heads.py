"""All heads of a layer as small heat maps side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bot.locales.marks import with_semicolons
from bot.locales.message import _, plural
from bot.locales.numbers import decimal
from bot.pictures.attention import weight_colour
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import BORDER, CARD
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text

MOST_HEADS = 64
_GAP = 10.0
_NAMED = 24
"""Heads that the alt text names."""


def head_maps(
    heads: Sequence[npt.NDArray[np.float32]], habits: Sequence[tuple[str, float]], title: str = "", *, causal: bool
) -> Picture:
    """Draw the weights of each head, from 1, without the tokens' names.

    Args:
        heads: (queries, keys) each.
        habits: what each head mostly looks at, and with which share of its weight; 0 if it does not look at one place.
        causal: tokens see no later ones; these are hatched.
    """
    canvas = Canvas()
    y = canvas.title(title, _("Rows: tokens from top to bottom. Columns: what they look at. Dark: much."))
    shown = heads[:MOST_HEADS]
    across = 3 if len(shown) <= 9 else 4 if len(shown) <= 16 else 6
    side = (canvas.width - 2 * MARGIN - (across - 1) * _GAP) / across
    size = TEXT if across < 6 else SMALL
    # All have the same shape, and a map of few queries is low.
    height = side * min(heads[0].shape[0] / max(heads[0].shape[1], 1), 1.0) if shown else 0.0
    for index, weights in enumerate(shown):
        x = MARGIN + index % across * (side + _GAP)
        top = y + index // across * (height + size + 16)
        canvas.text(x, top + size, str(index + 1), size, bold=True)
        said = canvas.cut(_short(habits[index]), SMALL, side - 24)
        canvas.text(x + side, top + size, said, SMALL, align=1)
        _map(canvas, Box(x, top + size + 5, side, height), weights, causal=causal)
    rows = -(-len(shown) // across)
    return canvas.picture(y + rows * (height + size + 16) + MARGIN - 8, _alt(habits, title))


def _short(habit: tuple[str, float]) -> str:
    return _said(*habit).removeprefix("the ")


def _said(what: str, share: float) -> str:
    return f"{what} {decimal(share, 2)}" if share else f"{what}"


def _map(canvas: Canvas, box: Box, weights: npt.NDArray[np.float32], *, causal: bool) -> None:
    queries, keys = weights.shape
    canvas.box(Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2), BORDER)
    canvas.box(box, CARD, hatch=BORDER if causal else None)
    width, height = box.width / max(keys, 1), box.height / max(queries, 1)
    for row in range(queries):
        for column in range(min(row + 1, keys) if causal else keys):
            cell = Box(box.x + column * width, box.y + row * height, width, height)
            canvas.box(cell, weight_colour(float(weights[row, column])))


def _alt(habits: Sequence[tuple[str, float]], title: str) -> str:
    said = with_semicolons(
        # Translators: {place} is what a head of the model mostly looks at, with its share: "the token itself 0.52".
        _("head {number} mostly {place}", number=number, place=_said(*habit))
        for number, habit in enumerate(habits[:_NAMED], 1)
    )
    if (more := len(habits) - _NAMED) > 0:
        said = _("{heads}, and {number} more", heads=said, number=more)
    return alt_text(
        [
            plural(
                "Attention weights of {count} head, each on its own: {heads}.",
                "Attention weights of {count} heads, each on its own: {heads}.",
                len(habits),
                heads=said,
            )
        ],
        title,
    )
