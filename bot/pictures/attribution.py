"""Which words mattered: a sentence on the evidence that its tokens gave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.flow import Cell, flow, height
from bot.pictures.palette import BORDER, INK, MUTED, evidence, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_word, counted, drawable, listed, quoted, signed

MOST_TOKENS = 80
MOST_LINES = 12

_MANY = 48
_WIDER = 640.0
_SIZE = 16.0
_CHIP = 28.0
_BARS = 24.0
_LINE = 80.0
_WIDEST = 220.0
_WORD_GAP = 5.0
_NAMED = 3  # tokens on either side in the alt text


@dataclass(frozen=True)
class ScoredToken:
    """A token and what it contributed.

    Attributes:
        text: readable.
        score: above 0 speaks for the label, below 0 against it; in logits.
        starts_word: false where it continues the word before it.
    """

    text: str
    score: float
    starts_word: bool = True


def attribution(tokens: Sequence[ScoredToken], label: str, title: str = "", note: str = "") -> Picture:
    """Draws a sentence in two colours: blue for what speaks for a label, orange for what speaks against it.

    Without colour they differ too: evidence for has a bar upwards and a plus, evidence against is hatched, and has a
    bar downwards and a minus.

    Args:
        label: what the scores are about, such as "NEGATIVE".
        note: a line under the title, such as the sum of the scores.
    """
    shown = tokens[:MOST_TOKENS]
    scores = [drawable(token.score) for token in shown]
    largest = max(map(abs, scores), default=0.0) or 1.0
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (label, *(token.text for token in shown)))
    y = canvas.title(title, note)
    leftwards = is_leftwards(token.text for token in shown)
    texts = [as_word(token.text, token.starts_word) for token in shown]
    labels = canvas.pieces(texts, [not token.starts_word for token in shown], _SIZE, _WIDEST)
    widths = [
        max(canvas.text_width(text, _SIZE) + 10, canvas.text_width(signed(score), SMALL) + 3)
        for text, score in zip(labels, scores, strict=True)
    ]
    cells = [Cell(w, _WORD_GAP if token.starts_word else 1) for w, token in zip(widths, shown, strict=True)]
    places = flow(cells, MARGIN, canvas.width - 2 * MARGIN, MOST_LINES, leftwards)
    for place, width, text, score in zip(places, widths, labels, scores, strict=False):
        _token(canvas, Box(place.x, y + place.line * _LINE, width, _CHIP), text, score, score / largest)
    y += height(places, _LINE)
    if len(tokens) > len(places):
        y = canvas.note(y, f"… {len(tokens) - len(places):,} more")
    return canvas.picture(_legend(canvas, label, y), _alt(tokens, label, title, note))


def _token(canvas: Canvas, box: Box, text: str, score: float, share: float) -> None:
    """A token on its colour, its bar from a middle line, and its number."""
    colour = evidence(share)
    canvas.box(box, colour, radius=5, outline=BORDER)
    canvas.text(box.x + box.width / 2, box.y + 19, text, _SIZE, align=0.5, fill=ink_on(colour))
    _bar(canvas, Box(box.x, box.y + _CHIP + 2, box.width, _BARS), share)
    canvas.text(
        box.x + box.width / 2,
        box.y + _CHIP + _BARS + 13,
        signed(score),
        SMALL,
        align=0.5,
        fill=INK if abs(share) >= 0.25 else MUTED,
        bold=abs(share) >= 0.5,
    )


def _bar(canvas: Canvas, room: Box, share: float) -> None:
    middle, half = room.y + room.height / 2, room.height / 2
    width = min(room.width - 6, 18)
    x = room.x + (room.width - width) / 2
    length = abs(share) * half
    canvas.box(Box(room.x, middle - 0.5, room.width, 1), BORDER)
    if share >= 0:
        canvas.box(Box(x, middle - length, width, length), evidence(1))
    else:
        canvas.box(Box(x, middle, width, length), evidence(-1), hatch=INK)


def _legend(canvas: Canvas, label: str, y: float) -> float:
    label = canvas.cut(label, SMALL, canvas.width / 4)
    canvas.box(Box(MARGIN, y, 20, 13), evidence(1), radius=3)
    x = MARGIN + 26 + canvas.text(MARGIN + 26, y + 11, f"+ ▲ speaks for {label}", SMALL, fill=MUTED) + 18
    canvas.box(Box(x, y, 20, 13), evidence(-1), radius=3, hatch=INK)
    canvas.text(x + 26, y + 11, "− ▼ speaks against it", SMALL, fill=MUTED)
    return y + 13 + MARGIN


def _alt(tokens: Sequence[ScoredToken], label: str, title: str, note: str) -> str:
    finite = [token for token in tokens if math.isfinite(token.score)]
    ranked = sorted(finite, key=lambda token: token.score, reverse=True)
    strongest_for = [token for token in ranked if token.score > 0][:_NAMED]
    strongest_against = [token for token in reversed(ranked) if token.score < 0][:_NAMED]
    return alt_text(
        [
            f"{title}." if title else "",
            f"Which of {counted(len(tokens), 'token')} spoke for {label or 'the label'}.",
            f"Most for it: {_named(strongest_for)}.",
            f"Most against it: {_named(strongest_against)}.",
            note,
        ]
    )


def _named(tokens: Sequence[ScoredToken]) -> str:
    return listed([f"{quoted(token.text)} {signed(token.score)}" for token in tokens]) or "none"
