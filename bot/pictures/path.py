"""The way of a request, station by station, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.marks import with_colon
from bot.locales.message import _, plural
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, FAINT, INK, MUTED, WHITE
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text

_HEIGHT = 42.0
_GAP = 14.0
_PAGE = 62.0
_SHAFT = 22.0


@dataclass(frozen=True)
class Station:
    """A place on the way.

    Attributes:
        name: what happens there.
        fact: with its numbers; "" if it has none.
        page: the number of the page that opens it up, as people read it; None if no page does.
    """

    name: str
    fact: str
    page: int | None


def path_map(stations: Sequence[Station], title: str = "") -> Picture:
    """Draw a box for each station, with an arrow to the next one and the number of its page."""
    canvas = Canvas(texts=[text for one in stations for text in (one.name, one.fact)])
    y = canvas.title(title)
    width = canvas.width - 2 * MARGIN
    room = width - _PAGE - 24
    for index, one in enumerate(stations):
        canvas.box(Box(MARGIN, y, width, _HEIGHT), FAINT, radius=8, outline=BORDER)
        base = y + (18 if one.fact else 26)
        canvas.text(MARGIN + 12, base, canvas.cut(one.name, TEXT, room, bold=True), TEXT, bold=True)
        if one.fact:
            canvas.text(MARGIN + 12, y + 34, canvas.cut(one.fact, SMALL + 1, room), SMALL + 1, fill=INK)
        if one.page is not None:
            badge = Box(MARGIN + width - _PAGE - 6, y + 10, _PAGE, _HEIGHT - 20)
            canvas.box(badge, ACCENT, radius=6)
            # Translators: on a narrow badge, at most 7 characters besides {number}.
            canvas.text(
                badge.x + badge.width / 2,
                badge.y + 15,
                _("page {number}", number=one.page),
                SMALL,
                fill=WHITE,
                align=0.5,
            )
        y += _HEIGHT
        if index + 1 < len(stations):
            _arrow(canvas, MARGIN + _SHAFT, y)
            y += _GAP
    return canvas.picture(y + MARGIN, _alt(stations, title))


def _arrow(canvas: Canvas, x: float, y: float) -> None:
    """Draw an arrow that points down, through the gap below y."""
    canvas.box(Box(x - 1, y, 2, _GAP - 5), MUTED)
    for row in range(5):
        canvas.box(Box(x - 5 + row, y + _GAP - 6 + row, 10 - 2 * row, 1), MUTED)


def _alt(stations: Sequence[Station], title: str) -> str:
    said = (_("{phrase}.", phrase=f"{number}. {_described(one)}") for number, one in enumerate(stations, 1))
    total = plural("{count} station, from top to bottom.", "{count} stations, from top to bottom.", len(stations))
    return alt_text([total, *said], title)


def _described(one: Station) -> str:
    said = with_colon(one.name, one.fact) if one.fact else one.name
    return _("{station} (page {number})", station=said, number=one.page) if one.page else said
