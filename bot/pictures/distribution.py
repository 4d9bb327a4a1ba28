"""The next token's probabilities, before and after temperature and top_p."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, CARD, FAINT, INK, MUTED, SECOND, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, listed, percent, quoted, share_of

MOST_TOKENS = 10

_ROW = 38.0
_LABEL_WIDTH = 120.0
_NUMBER_WIDTH = 58.0


@dataclass(frozen=True)
class Candidate:
    """A possible next token, its probability by the model alone, and that after the settings (0: cut off)."""

    text: str
    before: float
    after: float


def distribution(candidates: Sequence[Candidate], title: str = "", chosen: int | None = None) -> Picture:
    """Draw the probability of each candidate before and after the settings; cut-off ones are hollow.

    Args:
        candidates: the likeliest first.
        title: the settings, such as "temperature 0.7, top_p 0.9".
        chosen: index of the one that was drawn.
    """
    shown = candidates[:MOST_TOKENS]
    canvas = Canvas(texts=[candidate.text for candidate in shown])
    y = _legend(canvas, canvas.title(title))
    largest = max((share_of(share) for one in shown for share in (one.before, one.after)), default=0.0) or 1.0
    x = MARGIN + _LABEL_WIDTH
    room = canvas.width - MARGIN - _NUMBER_WIDTH - x
    for index, candidate in enumerate(shown):
        is_chosen = index == chosen
        label = canvas.cut(as_chip(candidate.text), TEXT, _LABEL_WIDTH - 8 - (34 if is_chosen else 0), is_chosen)
        canvas.text(MARGIN, y + 20, label, TEXT, bold=is_chosen)
        if is_chosen:
            canvas.text(x - 8, y + 20, "drawn", SMALL, align=1, fill=MUTED)
        before, after = (room * share_of(share) / largest for share in (candidate.before, candidate.after))
        _bar(canvas, Box(x, y + 3, before, 12), ACCENT, percent(candidate.before))
        if candidate.after > 0:
            _bar(canvas, Box(x, y + 17, after, 12), SECOND, percent(candidate.after), hatch=INK)
        else:
            hollow = Box(x, y + 17, max(before, 8), 12)
            canvas.box(hollow, CARD, outline=MUTED, radius=2)
            canvas.text(hollow.x + hollow.width + 6, y + 27, "cut off", SMALL, fill=MUTED)
        y += _ROW
    return canvas.picture(y + MARGIN - 4, _alt(candidates, title, chosen))


def _bar(canvas: Canvas, box: Box, fill: Colour, says: str, hatch: Colour | None = None) -> None:
    box = Box(box.x, box.y, max(box.width, 2), box.height)
    canvas.box(box, fill, radius=2, hatch=hatch)
    canvas.text(box.x + box.width + 6, box.y + 10, says, SMALL)


def _legend(canvas: Canvas, y: float) -> float:
    x = canvas.swatch(Box(MARGIN, y, 20, 12), "the model's own", ACCENT)
    x = canvas.swatch(Box(x, y, 20, 12), "after the settings", SECOND, hatch=INK)
    canvas.swatch(Box(x, y, 20, 12), "cut off", CARD, outline=MUTED)
    canvas.box(Box(MARGIN, y + 20, canvas.width - 2 * MARGIN, 1), FAINT)
    return y + 26


def _alt(candidates: Sequence[Candidate], title: str, chosen: int | None) -> str:
    said = [
        f"{quoted(one.text)} {percent(one.before)} {f'to {percent(one.after)}' if one.after > 0 else 'and cut off'}"
        for one in candidates[:MOST_TOKENS]
    ]
    sentences = [
        f"Probabilities of the next token, the model's own and after the settings: {listed(said) or 'none'}.",
        f"Drawn: {quoted(candidates[chosen].text)}." if chosen is not None and chosen < len(candidates) else "",
    ]
    return alt_text(sentences, title)
