"""A sentence, coloured by the evidence that its tokens gave for a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.message import _, plural
from bot.locales.numbers import whole
from bot.pictures.canvas import MARGIN, SMALL, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.legend import Legend
from bot.pictures.palette import BORDER, INK, MUTED, evidence, ink_on
from bot.pictures.paragraph import Chip, Style
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, drawable, listed, quoted, signed

MOST_TOKENS = 80

_MANY = 48
_WIDER = 640.0
_SIZE = 16.0
_BARS = 24.0
_STYLE = Style(chip=28.0, line=80.0, most_lines=12, word_gap=5.0, size=_SIZE, widest=400.0)
_NAMED = 3  # tokens on either side in the alt text


@dataclass(frozen=True)
class ScoredToken:
    """A token and its contribution in logits: above 0 it speaks for the label, below 0 against it."""

    text: str
    score: float
    starts_word: bool = True


def attribution(
    tokens: Sequence[ScoredToken],
    label: str,
    title: str = "",
    note: str = "",
    decimals: int = 2,
    noun: str = "token",
) -> Picture:
    """Draw a sentence in two colours: blue speaks for a label, orange against it.

    Bars (up and down), hatching and signs tell the same without colour.

    Args:
        label: such as "NEGATIVE".
        note: a line under the title, such as the sum of the scores.
        decimals: that are shown of each score.
        noun: what is scored, if it is not tokens, such as "word" or "sentence".
    """
    shown = tokens[:MOST_TOKENS]
    largest = max((abs(drawable(token.score)) for token in shown), default=0.0) or 1.0
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (label, *(token.text for token in shown)))
    y = canvas.title(title, note)

    def width(token: ScoredToken, text: str) -> float:
        number = canvas.text_width(signed(drawable(token.score), decimals), SMALL)
        return max(canvas.text_width(text, _SIZE) + 10, number + 3)

    chips, y = _STYLE.set(canvas, shown, y, width, leftwards=is_leftwards(token.text for token in shown))
    for chip in chips:
        _draw(canvas, chip, largest, decimals)
    y = canvas.more(y, len(tokens) - len(chips))
    return canvas.picture(_legend(canvas, label, y), _alt(tokens, label, title, note, decimals, noun))


def _draw(canvas: Canvas, chip: Chip[ScoredToken], largest: float, decimals: int) -> None:
    """Draw a token on its colour, its bar from a middle line, and its number."""
    box, score = chip.box, drawable(chip.token.score)
    share = score / largest
    colour = evidence(share)
    canvas.box(box, colour, radius=5, outline=BORDER)
    canvas.text(box.middle, box.y + 19, chip.label, _SIZE, align=0.5, fill=ink_on(colour))
    _bar(canvas, Box(box.x, box.bottom + 2, box.width, _BARS), share)
    fill, is_bold = INK if abs(share) >= 0.25 else MUTED, abs(share) >= 0.5
    canvas.text(box.middle, box.bottom + _BARS + 13, signed(score, decimals), SMALL, align=0.5, fill=fill, bold=is_bold)


def _bar(canvas: Canvas, room: Box, share: float) -> None:
    middle = room.y + room.height / 2
    width = min(room.width - 6, 18)
    length = abs(share) * room.height / 2
    canvas.box(Box(room.x, middle - 0.5, room.width, 1), BORDER)
    is_for = share >= 0
    bar = Box(room.x + (room.width - width) / 2, middle - length if is_for else middle, width, length)
    canvas.box(bar, evidence(1 if is_for else -1), hatch=None if is_for else INK)


def _legend(canvas: Canvas, label: str, y: float) -> float:
    label = canvas.cut(label, SMALL, canvas.width / 4)
    legend = Legend(canvas, y, height=13)
    # Translators: a legend of two entries in one line of a picture, at most 50 characters together.
    legend.colour(_("+ ▲ speaks for {label}", label=label), evidence(1), radius=3)
    legend.colour(_("− ▼ speaks against it"), evidence(-1), radius=3, hatch=INK)
    return legend.y + 13 + MARGIN


def _alt(tokens: Sequence[ScoredToken], label: str, title: str, note: str, decimals: int, noun: str) -> str:
    ranked = sorted((one for one in tokens if math.isfinite(one.score)), key=lambda token: token.score, reverse=True)
    sentences = [
        _about(len(tokens), noun, label or _("the label")),
        _("Most for it: {tokens}.", tokens=_named([one for one in ranked if one.score > 0], decimals)),
        _("Most against it: {tokens}.", tokens=_named([one for one in reversed(ranked) if one.score < 0], decimals)),
        note,
    ]
    return alt_text(sentences, title)


def _about(number: int, noun: str, label: str) -> str:
    """Say what is drawn."""
    shown: dict[str, str] = {"number": whole(number), "label": label}
    match noun:
        case "word":
            return plural(
                "Which of {number} word spoke for {label}.",
                "Which of {number} words spoke for {label}.",
                number,
                **shown,
            )
        case "sentence":
            return plural(
                "Which of {number} sentence spoke for {label}.",
                "Which of {number} sentences spoke for {label}.",
                number,
                **shown,
            )
        case "message":
            return plural(
                "Which of {number} message spoke for {label}.",
                "Which of {number} messages spoke for {label}.",
                number,
                **shown,
            )
        case "part":
            return plural(
                "Which of {number} part spoke for {label}.",
                "Which of {number} parts spoke for {label}.",
                number,
                **shown,
            )
    return plural(
        "Which of {number} token spoke for {label}.", "Which of {number} tokens spoke for {label}.", number, **shown
    )


def _named(tokens: Sequence[ScoredToken], decimals: int) -> str:
    return listed([f"{quoted(token.text)} {signed(token.score, decimals)}" for token in tokens[:_NAMED]]) or _("none")
