"""The frame of a chart over time: a scale at the left, a time axis below, and bars of how much there was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.message import _
from bot.locales.numbers import whole
from bot.pictures.canvas import MARGIN, SMALL, Box, Canvas
from bot.pictures.palette import FAINT, MUTED, Colour

GUTTER = 58.0
"""Between the left margin and the plot, for the scale."""
COUNTS = 34.0
"""Height of the bars below."""
BAR: Colour = (163, 172, 188)

_APART = 8.0  # between two labels of the time axis


@dataclass(frozen=True)
class Tick:
    """A label on an axis.

    Attributes:
        at: on a time axis from 0 (its start) to 1 (its end); on a scale the value.
    """

    at: float
    label: str


@dataclass(frozen=True)
class Frame:
    """A plot: where it is, and the values at its lower and upper edge."""

    box: Box
    low: float
    high: float

    def x(self, share: float) -> float:
        """Return the x of a moment, from 0 to 1."""
        return self.box.x + self.box.width * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Return the y of a value; one beyond the scale is at its edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.box.bottom - self.box.height * share

    def scale(self, canvas: Canvas, ticks: Sequence[Tick], strong: float | None = None) -> None:
        """Draw a scale with a thin line for each of its ticks, and a darker one for one of them."""
        for tick in ticks:
            y = self.y(tick.at)
            canvas.box(Box(self.box.x, y - 0.5, self.box.width, 1), MUTED if tick.at == strong else FAINT)
            canvas.text(self.box.x - 8, y + 4, tick.label, SMALL, align=1, fill=MUTED)


def frame(canvas: Canvas, y: float, height: float, low: float, high: float) -> Frame:
    """Return a plot of the whole width, with room for a scale."""
    return Frame(Box(MARGIN + GUTTER, y, canvas.width - 2 * MARGIN - GUTTER, height), low, high)


def stroke(canvas: Canvas, fill: Colour, x: float, y: float) -> None:
    """Draw a short line for a legend."""
    canvas.box(Box(x, y + 4, 20, 4), fill, radius=2)


def from_to(ticks: Sequence[Tick]) -> str:
    """Say which time an axis covers; "" if that is not known."""
    return _("From {first} to {last}.", first=ticks[0].label, last=ticks[-1].label) if len(ticks) > 1 else ""


def counts(canvas: Canvas, y: float, numbers: Sequence[int], noun: str) -> float:
    """Draw a bar for each number, below y, with the largest as its scale; return the y below them."""
    room = frame(canvas, y, COUNTS, 0, max([1, *numbers])).box
    largest = max([1, *numbers])
    canvas.text(room.x - 8, y + 9, noun, SMALL, align=1, fill=MUTED)
    # Translators: the largest number, in a narrow margin of a chart: at most 5 characters besides {number}.
    canvas.text(room.x - 8, y + 22, _("max {number}", number=whole(max([0, *numbers]))), SMALL, align=1, fill=MUTED)
    width = room.width / max(1, len(numbers))
    gap = 1.5 if width > 5 else 0.5
    for index, number in enumerate(numbers):
        if number:
            height = max(COUNTS * number / largest, 1.5)
            canvas.box(Box(room.x + index * width + gap / 2, room.bottom - height, width - gap, height), BAR, radius=1)
    canvas.box(Box(room.x, room.bottom, room.width, 1), FAINT)
    return room.bottom + 1


def time_axis(canvas: Canvas, y: float, ticks: Sequence[Tick]) -> float:
    """Write the labels of a time axis, those that do not touch; return the y below them."""
    room = frame(canvas, y, 0, 0, 1).box
    end = -1.0
    for tick in ticks:
        width = canvas.text_width(tick.label, SMALL)
        x = room.x + room.width * tick.at
        left = min(max(x - width / 2, room.x - GUTTER / 2), canvas.width - MARGIN - width)
        if left < end + _APART and end >= 0:
            continue
        canvas.box(Box(x - 0.5, y, 1, 4), MUTED)
        canvas.text(left, y + 4 + SMALL, tick.label, SMALL, fill=MUTED)
        end = left + width
    return y + 8 + SMALL
