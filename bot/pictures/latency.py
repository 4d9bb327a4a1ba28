"""How long answers took, minute by minute: p50 and p95 on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from bot.locales.message import _, plural
from bot.locales.numbers import whole, without_groups
from bot.pictures.canvas import MARGIN, Canvas
from bot.pictures.curves import Point, line
from bot.pictures.legend import Legend
from bot.pictures.palette import ACCENT, SECOND, Colour
from bot.pictures.picture import Picture
from bot.pictures.plot import Frame, Tick, counts, frame, stroke, time_axis
from bot.pictures.wording import alt_text, drawable

HEIGHT = 130.0
_LABELS = {0.001: "1 ms", 0.01: "10 ms", 0.1: "0.1 s", 1.0: "1 s", 10.0: "10 s", 100.0: "100 s", 1000.0: "17 min"}
"""By seconds. The signs of units are the same in all languages."""


def latency(title: str, note: str, p50: Sequence[float], p95: Sequence[float], answers: Sequence[int]) -> Picture:
    """Draw p50 and p95 for each minute, the current one last; NaN leaves a gap.

    Raises:
        ValueError: the sequences have different lengths.
    """
    minutes = list(zip(p50, p95, answers, strict=True))
    canvas = Canvas()
    y = canvas.title(title, note)
    legend = Legend(canvas, y)
    legend.sign(_("half were quicker (p50)"), partial(stroke, canvas, ACCENT))
    legend.sign(_("19 of 20 were quicker (p95)"), partial(stroke, canvas, SECOND))
    known = [seconds for pair in minutes for seconds in pair[:2] if math.isfinite(seconds) and seconds > 0]
    low, high = _decades(known)
    plot = frame(canvas, legend.y + 24, HEIGHT, low, high)
    scale = ((math.log10(seconds), said) for seconds, said in _LABELS.items())
    plot.scale(canvas, [Tick(exponent, without_groups(said)) for exponent, said in scale if low <= exponent <= high])
    for values, colour in ((p95, SECOND), (p50, ACCENT)):
        _curve(canvas, plot, values, colour)
    y = counts(canvas, plot.box.bottom + 12, answers, _("answers"))
    last = len(minutes)
    y = time_axis(canvas, y, [Tick(index / 4, _ago(last * (4 - index) // 4)) for index in range(5)])
    return canvas.picture(y + MARGIN - 4, _alt(title, note, minutes))


def _ago(minutes: int) -> str:
    # Translators: on the axis of a chart, at most 12 characters.
    return _("{minutes} min ago", minutes=minutes) if minutes else _("now")


def _decades(known: Sequence[float]) -> tuple[float, float]:
    """Return the decimal logarithms between which all values lie, at least one apart."""
    if not known:
        return -1.0, 1.0
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return float(low), float(max(high, low + 1))


def _curve(canvas: Canvas, plot: Frame, values: Sequence[float], colour: Colour) -> None:
    for piece in _pieces(plot, values):
        line(canvas, piece, colour, 2.5 if len(piece) > 1 else 5)


def _pieces(plot: Frame, values: Sequence[float]) -> Iterator[list[Point]]:
    """Yield the parts of a curve between its gaps."""
    piece: list[Point] = []
    for index, seconds in enumerate(values):
        if math.isfinite(seconds) and seconds > 0:
            piece.append((plot.x((index + 0.5) / len(values)), plot.y(math.log10(drawable(seconds)))))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _alt(title: str, note: str, minutes: Sequence[tuple[float, float, int]]) -> str:
    answered = [one for one in minutes if one[2]]
    if not answered:
        return alt_text([note, _("No answers in this time.")], title)
    total = sum(one[2] for one in answered)
    slowest = max(answered, key=lambda one: one[1])
    return alt_text(
        [
            note,
            plural(
                # Translators: {minutes} is such as "2 minutes", of {all} that the picture shows.
                "{number} answer in {minutes} of {all}.",
                "{number} answers in {minutes} of {all}.",
                total,
                number=whole(total),
                minutes=plural("{count} minute", "{count} minutes", len(answered)),
                all=len(minutes),
            ),
            _(
                "In the slowest minute p50 was {p50} s and p95 {p95} s.",
                p50=without_groups(f"{slowest[0]:.2g}"),
                p95=without_groups(f"{slowest[1]:.2g}"),
            ),
        ],
        title,
    )
