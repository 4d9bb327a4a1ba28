"""Vectors as strips of colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bot.locales.lists import sentences
from bot.locales.message import _, plural
from bot.locales.numbers import whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.grid import matrix
from bot.pictures.palette import BORDER, MUTED, evidence
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, in_a_row, number, quoted

MOST_VECTORS = 12
MOST_NUMBERS = 400
"""Drawn of a vector: one takes about a point."""

_STRIP = 20.0
_ROW = 46.0
_NAMED = 3


def vector_strips(labels: Sequence[str], vectors: npt.ArrayLike, title: str = "") -> Picture:
    """Draw each vector as a strip with a cell for each of its first numbers: blue above zero, orange below it.

    Args:
        vectors: of shape (labels, size).

    Raises:
        ValueError: the number of vectors isn't that of the labels.
    """
    size = np.asarray(vectors).shape[-1] if len(labels) else 0
    values = matrix(vectors, len(labels), size)
    shown = values[:MOST_VECTORS, :MOST_NUMBERS]
    largest = float(np.abs(shown).max(initial=0.0)) or 1.0
    canvas = Canvas(WIDTH, labels)
    y = canvas.title(title, sentences(*_cuts(len(labels), size)))
    room = canvas.width - 2 * MARGIN
    for label, row in zip(labels, (shown / largest).tolist(), strict=False):
        canvas.text(MARGIN, y + TEXT, canvas.cut(label, TEXT, room), TEXT)
        _strip(canvas, Box(MARGIN, y + TEXT + 5, room, _STRIP), row)
        y += _ROW
    legend = _("blue above zero, orange below; the darkest is {number}", number=number(largest))
    canvas.text(MARGIN, y + SMALL, legend, SMALL, fill=MUTED)
    return canvas.picture(y + SMALL + MARGIN, _alt(labels, values, title))


def _strip(canvas: Canvas, box: Box, shares: Sequence[float]) -> None:
    canvas.box(Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2), BORDER)
    cell = box.width / max(len(shares), 1)
    for index, share in enumerate(shares):
        canvas.box(Box(box.x + index * cell, box.y, cell, box.height), evidence(share))


def _alt(labels: Sequence[str], values: npt.NDArray[np.float64], title: str) -> str:
    said = []
    for label, row in zip(labels[:MOST_VECTORS], values, strict=False):
        beginning = in_a_row(map(number, row[:_NAMED].tolist()))
        said.append(_("{text} begins with {numbers}.", text=quoted(label), numbers=beginning))
    total = plural(
        "{number} vector of {size} numbers as strips of colour.",
        "{number} vectors of {size} numbers as strips of colour.",
        len(labels),
        number=whole(len(labels)),
        size=whole(values.shape[1]),
    )
    return alt_text([total, *said], title)


def _cuts(vectors: int, size: int) -> Iterator[str]:
    """Say what is not drawn."""
    if size > MOST_NUMBERS:
        yield _("The first {most} of {number} numbers.", most=MOST_NUMBERS, number=whole(size))
    if vectors > MOST_VECTORS:
        yield _("The first {most} of {number} vectors.", most=MOST_VECTORS, number=whole(vectors))
