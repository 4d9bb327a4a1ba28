"""Numbers with names as horizontal bars."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from bot.locales import numbers
from bot.locales.message import _, plural
from bot.locales.numbers import percent, whole
from bot.pictures.canvas import MARGIN, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, FAINT, INK, MUTED, SECOND
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, drawable, enumerated, more, signed

MOST_BARS = 12

_ROW = 26.0
_LABEL_WIDTH = 150.0
_NUMBER_WIDTH = 62.0


class Unit(Enum):
    """The kind of numbers: probabilities are drawn on a scale to 1, others on one to the largest."""

    PROBABILITY = "probability"
    NUMBER = "number"
    COUNT = "count"

    def said(self, value: float) -> str:
        """Return a value in words."""
        if self is Unit.COUNT:
            return numbers.decimal(value, 0)
        return percent(value) if self is Unit.PROBABILITY else signed(value)


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    title: str = "",
    unit: Unit = Unit.PROBABILITY,
    marks: Sequence[str] = (),
) -> Picture:
    """Draw one bar for each value, in the order given; negative ones are hatched, to the left of the zero line.

    Args:
        marks: a word beside each number, or "". Bars with one are bold; if there are no marks, the largest is.

    Raises:
        ValueError: the number of values, or of marks, isn't that of the labels.
    """
    pairs = list(zip(labels, values, strict=True))
    said = [
        f"{mark} {unit.said(value)}".lstrip()
        for (_, value), mark in zip(pairs, marks or [""] * len(pairs), strict=True)
    ]
    shown = pairs[:MOST_BARS]
    canvas = Canvas(texts=labels)
    y = canvas.title(title)
    drawn = [drawable(value) for _, value in shown]
    lowest = min(0.0, *drawn, 0.0)
    highest = max(1.0 if unit is Unit.PROBABILITY else 0.0, *drawn, 0.0)
    scale = (highest - lowest) or 1.0
    names = [canvas.cut(label, TEXT, _LABEL_WIDTH, bold=True) for label, _ in shown]
    label_width = max((canvas.text_width(name, TEXT, bold=True) for name in names), default=0.0) + 2
    widest = max((canvas.text_width(one, TEXT, bold=True) for one in said[:MOST_BARS]), default=0.0) + 8
    taken = label_width + 8 + max(widest, _NUMBER_WIDTH)
    room = Box(MARGIN + label_width + 8, y, canvas.width - 2 * MARGIN - taken, _ROW)
    zero = room.x + room.width * (-lowest / scale)
    for index, (name, number) in enumerate(zip(names, drawn, strict=True)):
        stands_out = bool(marks[index]) if marks else number == max(drawn)
        base = y + _ROW / 2 + 4.5
        canvas.text(MARGIN, base, name, TEXT, bold=stands_out)
        if unit is Unit.PROBABILITY:
            canvas.box(Box(room.x, y + 4, room.width, _ROW - 8), FAINT, radius=3)
        length = room.width * abs(number) / scale
        left, fill, hatch = (zero, ACCENT, None) if number >= 0 else (zero - length, SECOND, INK)
        canvas.box(Box(left, y + 4, max(length, 1), _ROW - 8), fill, radius=3, hatch=hatch)
        canvas.text(canvas.width - MARGIN, base, said[index], TEXT, align=1, bold=stands_out)
        y += _ROW
    if lowest < 0:
        canvas.box(Box(zero - 0.5, room.y, 1, y - room.y), MUTED)
    if len(pairs) > len(shown):
        y += TEXT + 2
        canvas.text(MARGIN, y, more(len(pairs) - len(shown)), fill=MUTED)
    return canvas.picture(y + MARGIN, _alt(labels, said, title))


def _alt(labels: Sequence[str], said: Sequence[str], title: str) -> str:
    named = [f"{label} {one}" for label, one in zip(labels[:MOST_BARS], said, strict=False)]
    shown, left = enumerated(named), len(labels) - len(named)
    if left:
        shown = _("{bars}, and {number} more", bars=shown, number=whole(left))
    name = title or plural("{number} bar", "{number} bars", len(labels), number=whole(len(labels)))
    return alt_text([_("{title}: {bars}.", title=name, bars=shown)])
