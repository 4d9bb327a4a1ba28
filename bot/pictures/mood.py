"""The mood of a channel over time: a mean with its band, and its strongest moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.locales.message import _, plural
from bot.locales.numbers import without_groups
from bot.pictures.canvas import MARGIN, SMALL, Canvas
from bot.pictures.curves import area, dot, line
from bot.pictures.legend import Legend
from bot.pictures.palette import ACCENT, SECOND, Colour, ink_on
from bot.pictures.picture import Picture
from bot.pictures.plot import Frame, Tick, counts, frame, from_to, stroke, time_axis
from bot.pictures.wording import alt_text, listed, signed

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
    words = (Tick(limit, f"+{limit:g}"), Tick(0.0, _("neutral")), Tick(-limit, f"−{limit:g}"))
    half = (Tick(limit / 2, f"+{limit / 2:g}"), Tick(-limit / 2, f"−{limit / 2:g}"))
    plot.scale(canvas, [Tick(one.at, without_groups(one.label)) for one in (*words, *half)], strong=0.0)
    for piece in pieces:
        _curve(canvas, plot, piece)
    _marks(canvas, plot, pieces, marks)
    y = counts(canvas, plot.box.bottom + 14, numbers, _("messages"))
    y = time_axis(canvas, y, ticks)
    return canvas.picture(y + MARGIN - 4, _alt(title, note, pieces, marks, ticks))


def _legend(canvas: Canvas, y: float) -> float:
    legend = Legend(canvas, y)
    # Translators: a legend of four entries in one line of a picture, at most 50 characters together.
    legend.sign(_("mean"), partial(stroke, canvas, ACCENT))
    legend.colour(_("its 95 % band"), BAND)
    for colour, meaning in ((ACCENT, _("most positive")), (SECOND, _("most negative"))):
        legend.sign(meaning, partial(_disc, canvas, colour), before=18, apart=14)
    return legend.y + 20


def _disc(canvas: Canvas, colour: Colour, x: float, y: float) -> None:
    dot(canvas, x + 6, y + 6, 5, colour)


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
    sentences = [note, from_to(ticks)]
    if not points:
        sentences.append(_("There are too few messages for a curve."))
    else:
        lowest, highest = (choose(points, key=lambda point: point.mean) for choose in (min, max))
        sentences += [
            _(
                "The mean mood, from −1 to +1, begins at {first} and ends at {last}; its lowest is {lowest} "
                "({low_from} to {low_to}), its highest {highest} ({high_from} to {high_to}).",
                first=signed(points[0].mean),
                last=signed(points[-1].mean),
                lowest=signed(lowest.mean),
                low_from=signed(lowest.low),
                low_to=signed(lowest.high),
                highest=signed(highest.mean),
                high_from=signed(highest.low),
                high_to=signed(highest.high),
            ),
            plural("{count} gap without messages.", "{count} gaps without messages.", len(pieces) - 1)
            if len(pieces) > 1
            else "",
        ]
    for is_positive in (True, False):
        said = listed([_moment(one) for one in marks if one.is_positive is is_positive])
        if said and is_positive:
            sentences.append(_("Most positive moments: {moments}.", moments=said))
        elif said:
            sentences.append(_("Most negative moments: {moments}.", moments=said))
    return alt_text(sentences, title)


def _moment(one: Mark) -> str:
    # Translators: a sign in the picture, and the mood there, from −1 to +1.
    return _("{sign} at {mood}", sign=one.sign, mood=signed(one.value))
