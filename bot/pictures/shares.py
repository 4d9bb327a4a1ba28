"""Shares with their intervals: a mark where the share is, and a line as long as it is uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.message import _
from bot.locales.numbers import percent, whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, FAINT, INK, MUTED, SECOND, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, enumerated, share_of

MOST_ROWS = 20

_LABEL_WIDTH = 128.0
_NUMBER_WIDTH = 82.0
_LINE = 17.0
_GAP = 9.0
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Estimate:
    """A share of some cases.

    Attributes:
        low: the lower end of the interval, 0 to 1.
        high: its upper end.
    """

    hits: int
    cases: int
    low: float
    high: float

    @property
    def said(self) -> str:
        """The share in words, with the cases."""
        if not self.cases:
            return _("no cases")
        return _(
            "{share} of {cases} ({low} to {high})",
            share=percent_of(self.hits / self.cases),
            cases=whole(self.cases),
            low=str(round(100 * self.low)),
            high=percent_of(self.high),
        )


@dataclass(frozen=True)
class Row:
    """A label with an estimate for each series."""

    label: str
    estimates: tuple[Estimate, ...]


_COLOURS: tuple[Colour, ...] = (ACCENT, SECOND)


def shares(rows: Sequence[Row], series: Sequence[str], title: str, note: str = "") -> Picture:
    """Draw rows of estimates on a scale from 0 to 100 %.

    Args:
        series: the names of a row's estimates, two at most.
    """
    shown = rows[:MOST_ROWS]
    canvas = Canvas(texts=[row.label for row in shown])
    y = canvas.title(title, note)
    y = _legend(canvas, series, y)
    names = [canvas.cut(row.label, TEXT, _LABEL_WIDTH, bold=True) for row in shown]
    label_width = max((canvas.text_width(name, TEXT, bold=True) for name in names), default=0.0) + 12
    plot = Box(MARGIN + label_width, y + 4, canvas.width - 2 * MARGIN - label_width - _NUMBER_WIDTH, 0)
    height = sum(_height(row) for row in shown)
    for tick in _TICKS:
        canvas.box(Box(plot.x + plot.width * tick - 0.5, plot.y, 1, height), BORDER)
        base = plot.y + height + 14
        canvas.text(plot.x + plot.width * tick, base, percent_of(tick), SMALL, align=0.5, fill=MUTED)
    y = plot.y
    for name, row in zip(names, shown, strict=True):
        canvas.text(MARGIN, y + _height(row) / 2 + 4.5, name, TEXT, bold=True)
        for index, estimate in enumerate(row.estimates):
            middle = y + _GAP / 2 + _LINE * (index + 0.5)
            _estimate(canvas, plot, middle, estimate, index)
        y += _height(row)
    y = canvas.more(y + 20, len(rows) - len(shown))
    return canvas.picture(y + MARGIN, _alt(rows, series, title))


def _estimate(canvas: Canvas, plot: Box, middle: float, estimate: Estimate, index: int) -> None:
    """Draw an interval with its mark, and its number to the right."""
    if not estimate.cases:
        canvas.text(plot.x + 4, middle + 4, _("no cases yet"), SMALL, fill=MUTED)
        return
    low, high = share_of(estimate.low), share_of(estimate.high)
    colour = _COLOURS[index % len(_COLOURS)]
    length = plot.width * (high - low)
    canvas.box(Box(plot.x + plot.width * low, middle - 3.5, length, 7), FAINT, radius=3.5, outline=colour)
    _mark(canvas, plot.x + plot.width * share_of(estimate.hits / estimate.cases), middle, index)
    # Translators: in a narrow column of a picture, at most 6 characters besides the fields.
    said = _("{share} of {cases}", share=percent_of(estimate.hits / estimate.cases), cases=whole(estimate.cases))
    canvas.text(canvas.width - MARGIN, middle + 4, said, SMALL, align=1, fill=INK)


def percent_of(share: float) -> str:
    """Return "83 %" for `0.8312`."""
    rounded = round(100 * share)
    return percent(rounded / 100, 0)


def _mark(canvas: Canvas, x: float, y: float, index: int) -> None:
    """Draw the first series round and the others square, so that they differ without colour."""
    canvas.box(Box(x - 5.5, y - 5.5, 11, 11), _COLOURS[index % len(_COLOURS)], radius=0 if index else 5.5, outline=INK)


def _legend(canvas: Canvas, series: Sequence[str], y: float) -> float:
    x = MARGIN
    for index, name in enumerate(series):
        _mark(canvas, x + 6, y + 6, index)
        x += 18 + canvas.text(x + 18, y + 10, name, SMALL, fill=MUTED) + 16
    return y + 22


def _height(row: Row) -> float:
    return _LINE * len(row.estimates) + _GAP


def _alt(rows: Sequence[Row], series: Sequence[str], title: str) -> str:
    said = []
    for row in rows[:MOST_ROWS]:
        parts = [f"{name} {estimate.said}" for name, estimate in zip(series, row.estimates, strict=False)]
        said.append(_("{label}: {shares}.", label=row.label, shares=enumerated(parts)))
    return alt_text(said, title)
