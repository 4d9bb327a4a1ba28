"""Who sees whom: the masks of several attentions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from bot.locales.lists import enumerated
from bot.locales.marks import with_colon
from bot.locales.message import _, plural
from bot.locales.numbers import whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, CARD
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text

_ACROSS = 3
_GAP = 14.0


@dataclass(frozen=True)
class Mask:
    """What the tokens of one attention may see."""

    name: str
    """Of the model."""
    part: str
    """Such as "decoder"."""
    visible: npt.NDArray[np.float32]
    """(queries, keys), 1 or 0."""


def mask_maps(masks: Sequence[Mask], title: str = "") -> Picture:
    """Draw a square for each mask: rows are tokens that look, columns those that they may see."""
    canvas = Canvas(texts=[mask.name for mask in masks])
    y = canvas.title(title, _("Rows: tokens that look. Columns: tokens that they see. Hatched: hidden."))
    side = (canvas.width - 2 * MARGIN - (_ACROSS - 1) * _GAP) / _ACROSS
    height = side + TEXT + SMALL + 18
    slots = _slots(masks)
    for (row, column), mask in zip(slots, masks, strict=True):
        x, top = MARGIN + column * (side + _GAP), y + row * height
        canvas.text(x, top + TEXT, canvas.cut(mask.part, TEXT, side, bold=True), TEXT, bold=True)
        canvas.text(x, top + TEXT + SMALL + 3, canvas.cut(mask.name, SMALL, side), SMALL)
        _map(canvas, Box(x, top + TEXT + SMALL + 8, side, side), mask.visible)
    rows = max((row for row, _ in slots), default=-1) + 1
    return canvas.picture(y + rows * height + MARGIN - 8, _alt(masks, title))


def _slots(masks: Sequence[Mask]) -> list[tuple[int, int]]:
    """Return a row and a column for each mask; the masks of one model stay in one row."""
    found: list[tuple[int, int]] = []
    row = column = 0
    for _name, same in groupby(masks, key=lambda mask: mask.name):
        number = len(list(same))
        if column and column + number > _ACROSS:
            row, column = row + 1, 0
        for _place in range(number):
            found.append((row, column))
            row, column = (row, column + 1) if column + 1 < _ACROSS else (row + 1, 0)
    return found


def _map(canvas: Canvas, box: Box, visible: npt.NDArray[np.float32]) -> None:
    queries, keys = visible.shape
    canvas.box(Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2), BORDER)
    canvas.box(box, CARD, hatch=BORDER)
    width, height = box.width / max(keys, 1), box.height / max(queries, 1)
    gap = 0.5 if min(width, height) >= 6 else 0.0
    for row, column in np.argwhere(visible > 0).tolist():
        cell = Box(box.x + column * width, box.y + row * height, width, height)
        canvas.box(cell.inset(gap), ACCENT)


def _alt(masks: Sequence[Mask], title: str) -> str:
    said = (with_colon(enumerated([mask.name, mask.part]), who_sees_whom(mask.visible)) for mask in masks)
    return alt_text([plural("{count} mask.", "{count} masks.", len(masks)), *said], title)


def who_sees_whom(visible: npt.NDArray[np.float32]) -> str:
    """Return a mask in words: a sentence."""
    queries, keys = visible.shape
    seen = visible > 0
    if seen.all():
        return plural(
            "each of {tokens} token sees all {keys}.",
            "each of {tokens} tokens sees all {keys}.",
            queries,
            tokens=whole(queries),
            keys=keys,
        )
    if queries == keys and (seen == np.tri(queries, dtype=np.bool_)).all():
        return plural(
            "each of {tokens} token sees itself and those before it, none that comes later.",
            "each of {tokens} tokens sees itself and those before it, none that comes later.",
            queries,
            tokens=whole(queries),
        )
    return _("of {queries} × {keys} pairs, {seen} can be seen.", queries=queries, keys=keys, seen=int(seen.sum()))
