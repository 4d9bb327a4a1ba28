"""The mood of a channel over time: a mean with its band, and its strongest moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, Box, Canvas
from bot.pictures.curves import area, dot, line
from bot.pictures.palette import ACCENT, MUTED, SECOND, Colour, ink_on
from bot.pictures.picture import Picture
from bot.pictures.plot import Frame, Tick, counts, frame, line_swatch, time_axis
from bot.pictures.wording import alt_text, counted, listed, signed

HEIGHT = 170.0
LIMITS = (0.25, 0.5, 1.0)
"""The scale reaches one of these, up and down: the first that has room for the band."""
BAND: Colour = (201, 219, 240)
_CHIP = 8.0


@dataclass(frozen=True)
class MoodPoint:
    """The mean mood at a moment, with its band.

    Attributes:
        at: from 0 (the start of the axis) to 1 (its end).
        mean: from −1 (negative) to 1 (positive), as `low` and `high`.
    """

    at: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Mark:
    """A moment that stands out, by the sign under which the text beside the picture lists it."""

    at: float
    sign: str
    value: float
    is_positive: bool


def mood(
    title: str,
    note: str,
    pieces: Sequence[Sequence[MoodPoint]],
    marks: Sequence[Mark],
    numbers: Sequence[int],
    ticks: Sequence[Tick],
) -> Picture:
    """Draw a mean with its band.

    Args:
        pieces: of the curve; between two pieces nobody wrote.
        numbers: of messages, in equal parts of the time.
        ticks: of the time axis.
    """
    canvas = Canvas(texts=[title])
    y = _legend(canvas, canvas.title(title, note))
    reach = max((abs(edge) for piece in pieces for point in piece for edge in (point.low, point.high)), default=0.0)
    limit = next((one for one in LIMITS if one >= reach), LIMITS[-1])
    plot = frame(canvas, y + 6, HEIGHT, -limit, limit)
    words = (Tick(limit, f"+{limit:g}"), Tick(0.0, "neutral"), Tick(-limit, f"−{limit:g}"))
    half = (Tick(limit / 2, f"+{limit / 2:g}"), Tick(-limit / 2, f"−{limit / 2:g}"))
    plot.scale(canvas, (*words, *half), strong=0.0)
    for piece in pieces:
        _curve(canvas, plot, piece)
    _marks(canvas, plot, pieces, marks)
    y = counts(canvas, plot.box.bottom + 14, numbers, "messages")
    y = time_axis(canvas, y, ticks)
    return canvas.picture(y + MARGIN - 4, _alt(title, note, pieces, marks, ticks))


def _legend(canvas: Canvas, y: float) -> float:
    x = line_swatch(canvas, MARGIN, y, "mean", ACCENT)
    x = canvas.swatch(Box(x, y, 20, 12), "its 95 % band", BAND)
    for colour, meaning in ((ACCENT, "most positive"), (SECOND, "most negative")):
        dot(canvas, x + 6, y + 6, 5, colour)
        x += 18 + canvas.text(x + 18, y + 10, meaning, SMALL, fill=MUTED) + 14
    return y + 20


def _curve(canvas: Canvas, plot: Frame, piece: Sequence[MoodPoint]) -> None:
    upper = [(plot.x(point.at), plot.y(point.high)) for point in piece]
    lower = [(plot.x(point.at), plot.y(point.low)) for point in piece]
    if len(piece) == 1:
        line(canvas, [*upper, *lower], BAND, 6)
    area(canvas, [*upper, *reversed(lower)], BAND)
    line(canvas, [(plot.x(point.at), plot.y(point.mean)) for point in piece], ACCENT, 2.5)


def _marks(canvas: Canvas, plot: Frame, pieces: Sequence[Sequence[MoodPoint]], marks: Sequence[Mark]) -> None:
    """Put a sign beside the curve at each moment: above it for positive ones, below it for negative ones."""
    points = [point for piece in pieces for point in piece]
    for is_positive in (True, False):
        kind = sorted((mark for mark in marks if mark.is_positive is is_positive and points), key=lambda mark: mark.at)
        places = _apart([plot.x(mark.at) for mark in kind], plot.box.x + _CHIP, plot.box.x + plot.box.width - _CHIP)
        fill = ACCENT if is_positive else SECOND
        for mark, x in zip(kind, places, strict=True):
            on_curve = plot.y(min(points, key=lambda point: abs(point.at - mark.at)).mean)
            y = on_curve - 22 if is_positive else on_curve + 22
            y = min(max(y, plot.box.y + _CHIP), plot.box.bottom - _CHIP)
            line(canvas, [(x, y), (plot.x(mark.at), on_curve)], fill, 1)
            dot(canvas, x, y, _CHIP, fill)
            canvas.text(x, y + 4, mark.sign, SMALL, bold=True, align=0.5, fill=ink_on(fill))


def _apart(places: Sequence[float], left: float, right: float) -> list[float]:
    """Move places apart, as little as it takes for chips to stand beside each other, within the two edges."""
    gap = 2 * _CHIP + 3
    moved: list[float] = []
    for index, place in enumerate(places):
        # Those that follow need room at the right.
        inside = min(max(place, left), right - gap * (len(places) - 1 - index))
        moved.append(max(inside, moved[-1] + gap) if moved else inside)
    return moved


def _alt(
    title: str, note: str, pieces: Sequence[Sequence[MoodPoint]], marks: Sequence[Mark], ticks: Sequence[Tick]
) -> str:
    points = [point for piece in pieces for point in piece]
    sentences = [note, f"From {ticks[0].label} to {ticks[-1].label}." if len(ticks) > 1 else ""]
    if not points:
        sentences.append("There are too few messages for a curve.")
    else:
        lowest, highest = (choose(points, key=lambda point: point.mean) for choose in (min, max))
        sentences += [
            f"The mean mood, from −1 to +1, begins at {signed(points[0].mean)} and ends at {signed(points[-1].mean)}; "
            f"its lowest is {signed(lowest.mean)} ({signed(lowest.low)} to {signed(lowest.high)}), "
            f"its highest {signed(highest.mean)} ({signed(highest.low)} to {signed(highest.high)}).",
            f"{counted(len(pieces) - 1, 'gap')} without messages." if len(pieces) > 1 else "",
        ]
    for kind, is_positive in (("positive", True), ("negative", False)):
        said = [f"{one.sign} at {signed(one.value)}" for one in marks if one.is_positive is is_positive]
        sentences.append(f"Most {kind} moments: {listed(said)}." if said else "")
    return alt_text(sentences, title)
