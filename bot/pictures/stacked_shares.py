"""Shares of several kinds over time, as stacked bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales import numbers
from bot.locales.message import _, later
from bot.locales.numbers import percent
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import FAINT, MUTED, Colour, ink_on
from bot.pictures.picture import Picture
from bot.pictures.plot import Tick, counts, frame, from_to, time_axis
from bot.pictures.wording import alt_text, listed

COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (90, 96, 108),
)
"""Of Okabe and Ito, which people tell apart however they see colours: https://jfly.uni-koeln.de/color/"""
MOST_KINDS = len(COLOURS)
HEIGHT = 170.0
# Translators: messages that belong to no topic.
REST = later("unclear")

_ROW = 19.0
_NUMBERED = 13.0  # narrower bars have no room for a number


@dataclass(frozen=True)
class Column:
    """The numbers of one part of the time: of each kind, and of the rest that belongs to none."""

    numbers: tuple[int, ...]
    rest: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.numbers) + self.rest


def shares(title: str, note: str, kinds: Sequence[str], columns: Sequence[Column], ticks: Sequence[Tick]) -> Picture:
    """Draw the shares of at most `MOST_KINDS` kinds in equal parts of the time.

    Raises:
        ValueError: there are more kinds.
    """
    if len(kinds) > MOST_KINDS:
        raise ValueError(f"{len(kinds)} kinds, and colours for {MOST_KINDS}")
    canvas = Canvas(texts=[title, *kinds])
    y = _legend(canvas, canvas.title(title, note), kinds, columns)
    plot = frame(canvas, y + 6, HEIGHT, 0, 1)
    plot.scale(canvas, [Tick(one, numbers.percent(one, 0)) for one in (0.0, 0.5, 1.0)])
    width = plot.box.width / max(1, len(columns))
    for index, column in enumerate(columns):
        _column(canvas, Box(plot.box.x + index * width + 1, plot.box.y, width - 2, HEIGHT), column)
    y = counts(canvas, plot.box.bottom + 12, [column.total for column in columns], _("messages"))
    y = time_axis(canvas, y, ticks)
    return canvas.picture(y + MARGIN - 4, _alt(title, note, kinds, columns, ticks))


def _overall(kinds: Sequence[str], columns: Sequence[Column]) -> list[tuple[str, float]]:
    """Return the share of each kind, and of the rest, in the whole time."""
    total = sum(column.total for column in columns) or 1
    sums = [sum(column.numbers[index] for column in columns) for index in range(len(kinds))]
    return [
        *((kind, number / total) for kind, number in zip(kinds, sums, strict=True)),
        (str(REST), sum(column.rest for column in columns) / total),
    ]


def _legend(canvas: Canvas, y: float, kinds: Sequence[str], columns: Sequence[Column]) -> float:
    """List the kinds in two columns, with their share of all messages."""
    half = (canvas.width - 2 * MARGIN) / 2
    for index, (kind, share) in enumerate(_overall(kinds, columns)):
        x, top = MARGIN + half * (index % 2), y + _ROW * (index // 2)
        is_rest = index == len(kinds)
        canvas.box(
            Box(x, top, 20, 12), FAINT if is_rest else COLOURS[index], radius=2, hatch=MUTED if is_rest else None
        )
        said = percent(share)
        name = canvas.cut(kind, TEXT, half - 40 - canvas.text_width(said, SMALL))
        width = canvas.text(x + 27, top + 11, name, TEXT)
        canvas.text(x + 33 + width, top + 11, said, SMALL, fill=MUTED)
    return y + _ROW * ((len(kinds) + 2) // 2) + 2


def _column(canvas: Canvas, box: Box, column: Column) -> None:
    if not column.total:
        return
    bottom = box.bottom
    for index, number in enumerate((*column.numbers, column.rest)):
        height = box.height * number / column.total
        if not number:
            continue
        is_rest = index == len(column.numbers)
        fill = FAINT if is_rest else COLOURS[index]
        canvas.box(Box(box.x, bottom - height, box.width, height), fill, hatch=MUTED if is_rest else None)
        said = f"{100 * number / column.total:.0f}"
        if not is_rest and height > 15 and box.width > max(_NUMBERED, canvas.text_width(said, SMALL) + 2):
            canvas.text(box.middle, bottom - height / 2 + 4, said, SMALL, align=0.5, fill=ink_on(fill))
        bottom -= height


def _alt(title: str, note: str, kinds: Sequence[str], columns: Sequence[Column], ticks: Sequence[Tick]) -> str:
    said = [f"{kind} {percent(share)}" for kind, share in _overall(kinds, columns)]
    sentences = [
        note,
        from_to(ticks),
        _("Shares of all messages: {shares}.", shares=listed(said)),
    ]
    written = [column for column in columns if column.total]
    if len(written) > 1:
        first, last = (
            listed(
                [f"{kind} {percent(number / column.total)}" for kind, number in zip(kinds, column.numbers, strict=True)]
            )
            for column in (written[0], written[-1])
        )
        sentences.append(_("At first {first}; at last {last}.", first=first, last=last))
    return alt_text(sentences, title)
