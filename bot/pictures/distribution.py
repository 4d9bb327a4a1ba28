"""What temperature and top_p did to the next token's probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, CARD, FAINT, INK, MUTED, SECOND, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, drawable, listed, percent, quoted

MOST_TOKENS = 10

_ROW = 38.0
_LABEL_WIDTH = 120.0
_NUMBER_WIDTH = 58.0


@dataclass(frozen=True)
class Candidate:
    """A token that can come next.

    Attributes:
        text: readable.
        before: its probability by the model alone.
        after: its probability when it is drawn; 0 where it was cut off.
    """

    text: str
    before: float
    after: float


def distribution(candidates: Sequence[Candidate], title: str = "", chosen: int | None = None) -> Picture:
    """Draws, for the first candidates, the probability before and after the settings; cut-off ones are hollow.

    Args:
        candidates: the likeliest first.
        title: says the settings, such as "temperature 0.7, top_p 0.9".
        chosen: index of the one that was drawn.
    """
    shown = candidates[:MOST_TOKENS]
    canvas = Canvas(texts=[candidate.text for candidate in shown])
    y = _legend(canvas, canvas.title(title))
    largest = max((_known(p) for candidate in shown for p in (candidate.before, candidate.after)), default=0.0) or 1.0
    x = MARGIN + _LABEL_WIDTH
    room = canvas.width - MARGIN - _NUMBER_WIDTH - x
    for index, candidate in enumerate(shown):
        top = y + index * _ROW
        is_chosen = index == chosen
        label = canvas.cut(as_chip(candidate.text), TEXT, _LABEL_WIDTH - 8 - (34 if is_chosen else 0), is_chosen)
        canvas.text(MARGIN, top + 20, label, TEXT, bold=is_chosen)
        if is_chosen:
            canvas.text(x - 8, top + 20, "drawn", SMALL, align=1, fill=MUTED)
        _bar(canvas, Box(x, top + 3, room * _known(candidate.before) / largest, 12), ACCENT, percent(candidate.before))
        if candidate.after > 0:
            length = room * _known(candidate.after) / largest
            _bar(canvas, Box(x, top + 17, length, 12), SECOND, percent(candidate.after), hatch=INK)
        else:
            hollow = Box(x, top + 17, max(room * _known(candidate.before) / largest, 8), 12)
            canvas.box(hollow, CARD, outline=MUTED, radius=2)
            canvas.text(hollow.x + hollow.width + 6, top + 27, "cut off", SMALL, fill=MUTED)
    return canvas.picture(y + len(shown) * _ROW + MARGIN - 4, _alt(candidates, title, chosen))


def _bar(canvas: Canvas, box: Box, fill: Colour, says: str, hatch: Colour | None = None) -> None:
    box = Box(box.x, box.y, max(box.width, 2), box.height)
    canvas.box(box, fill, radius=2, hatch=hatch)
    canvas.text(box.x + box.width + 6, box.y + 10, says, SMALL)


def _legend(canvas: Canvas, y: float) -> float:
    x = MARGIN
    kinds: tuple[tuple[str, Colour, Colour | None, Colour | None], ...] = (
        ("the model's own", ACCENT, None, None),
        ("after the settings", SECOND, INK, None),
        ("cut off", CARD, None, MUTED),
    )
    for says, fill, hatch, outline in kinds:
        canvas.box(Box(x, y, 20, 12), fill, radius=2, hatch=hatch, outline=outline)
        x += 26 + canvas.text(x + 26, y + 10, says, SMALL, fill=MUTED) + 18
    canvas.box(Box(MARGIN, y + 20, canvas.width - 2 * MARGIN, 1), FAINT)
    return y + 26


def _known(probability: float) -> float:
    return min(max(drawable(probability), 0.0), 1.0)


def _alt(candidates: Sequence[Candidate], title: str, chosen: int | None) -> str:
    said = [
        f"{quoted(candidate.text)} {percent(candidate.before)} "
        + (f"to {percent(candidate.after)}" if candidate.after > 0 else "and cut off")
        for candidate in candidates[:MOST_TOKENS]
    ]
    drawn = f"Drawn: {quoted(candidates[chosen].text)}." if chosen is not None and chosen < len(candidates) else ""
    return alt_text(
        [
            f"{title}." if title else "",
            f"Probabilities of the next token, the model's own and after the settings: {listed(said) or 'none'}.",
            drawn,
        ]
    )
