"""The next token's probabilities, before and after temperature and top_p."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.message import _
from bot.locales.numbers import percent
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.legend import Legend
from bot.pictures.palette import ACCENT, CARD, FAINT, INK, MUTED, SECOND, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, listed, quoted, share_of

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
            # Translators: a mark beside the token that was drawn at random, at most 8 characters.
            canvas.text(x - 8, y + 20, _("drawn"), SMALL, align=1, fill=MUTED)
        before, after = (room * share_of(share) / largest for share in (candidate.before, candidate.after))
        _bar(canvas, Box(x, y + 3, before, 12), ACCENT, percent(candidate.before))
        if candidate.after > 0:
            _bar(canvas, Box(x, y + 17, after, 12), SECOND, percent(candidate.after), hatch=INK)
        else:
            hollow = Box(x, y + 17, max(before, 8), 12)
            canvas.box(hollow, CARD, outline=MUTED, radius=2)
            canvas.text(hollow.x + hollow.width + 6, y + 27, _("cut off"), SMALL, fill=MUTED)
        y += _ROW
    return canvas.picture(y + MARGIN - 4, _alt(candidates, title, chosen))


def _bar(canvas: Canvas, box: Box, fill: Colour, says: str, hatch: Colour | None = None) -> None:
    box = Box(box.x, box.y, max(box.width, 2), box.height)
    canvas.box(box, fill, radius=2, hatch=hatch)
    canvas.text(box.x + box.width + 6, box.y + 10, says, SMALL)


def _legend(canvas: Canvas, y: float) -> float:
    legend = Legend(canvas, y)
    # Translators: a legend of three entries in one line of a picture, at most 50 characters together.
    legend.colour(_("the model's own"), ACCENT)
    legend.colour(_("after the settings"), SECOND, hatch=INK)
    legend.colour(_("cut off"), CARD, outline=MUTED)
    canvas.box(Box(MARGIN, legend.y + 20, canvas.width - 2 * MARGIN, 1), FAINT)
    return legend.y + 26


def _alt(candidates: Sequence[Candidate], title: str, chosen: int | None) -> str:
    said = [_changed(one) for one in candidates[:MOST_TOKENS]]
    sentences = [
        _(
            "Probabilities of the next token, the model's own and after the settings: {tokens}.",
            tokens=listed(said) or _("none"),
        ),
        _("Drawn: {token}.", token=quoted(candidates[chosen].text))
        if chosen is not None and chosen < len(candidates)
        else "",
    ]
    return alt_text(sentences, title)


def _changed(one: Candidate) -> str:
    """Name a token with its probability before and after."""
    before = f"{quoted(one.text)} {percent(one.before)}"
    if one.after > 0:
        return _("{token} to {probability}", token=before, probability=percent(one.after))
    return _("{token} and cut off", token=before)
