"""A generated text, coloured by the probability of each token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import percent, whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.legend import Legend
from bot.pictures.palette import FAINT, INK, Colour, ink_on
from bot.pictures.paragraph import Style
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, listed, quoted, share_of, visible

MOST_TOKENS = 120
MOST_ALTERNATIVES = 5
LEAST_LIKELY = 4
"""How many tokens have their alternatives listed."""

_MANY = 60
_WIDER = 600.0
_SIZE = 16.0
_STYLE = Style(chip=24.0, line=40.0, most_lines=20, word_gap=1.0, size=_SIZE, widest=math.inf, inline=True)
_ROW = 20.0
_GUTTER = 20.0  # between the two columns of alternatives
_PERCENT = 50.0
_OTHER: Colour = (188, 213, 238)
CHOSEN: Colour = (122, 170, 218)
"""Blue, as the alternatives, because the warm colours stand for levels."""


@dataclass(frozen=True)
class Level:
    """A range of probabilities, shown by a colour and by the thickness of the line under a token, in points."""

    least: float
    name: Message
    fill: Colour
    line: float


LEVELS = (
    # Translators: a legend of four entries in one line of a picture, at most 50 characters together.
    Level(0.9, later("from 90 %"), (238, 243, 246), 0.0),
    Level(0.5, later("50 to 90 %"), (253, 229, 180), 1.5),
    Level(0.1, later("10 to 50 %"), (243, 165, 92), 3.0),
    Level(0.0, later("under 10 %"), (158, 42, 28), 4.5),
)


@dataclass(frozen=True)
class Alternative:
    """A token that the model could have written instead."""

    text: str
    probability: float


@dataclass(frozen=True)
class GeneratedToken:
    """A token that the model wrote, with its spaces and line breaks, and the likeliest others in order."""

    text: str
    probability: float
    alternatives: tuple[Alternative, ...] = ()
    starts_word: bool = False

    @property
    def level(self) -> Level:
        """The range of its probability."""
        return next((level for level in LEVELS if share_of(self.probability) >= level.least), LEVELS[-1])


def confidence_text(tokens: Sequence[GeneratedToken], title: str = "") -> Picture:
    """Draw a text with each token coloured by its probability, and the alternatives to the least likely tokens."""
    shown = tokens[:MOST_TOKENS]
    others = (other.text for token in shown for other in token.alternatives)
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (*(token.text for token in shown), *others))
    y = canvas.title(title)
    open_to_others = [i for i, one in enumerate(shown) if one.alternatives and share_of(one.probability) < 0.9]
    least = sorted(sorted(open_to_others, key=lambda index: share_of(shown[index].probability))[:LEAST_LIKELY])
    y = _text(canvas, shown, least, len(tokens) - len(shown), y)
    y = _legend(canvas, y)
    y = _alternatives(canvas, [shown[index] for index in least], y)
    return canvas.picture(y + MARGIN, _alt(tokens, title))


def _text(canvas: Canvas, tokens: Sequence[GeneratedToken], least: Sequence[int], more: int, y: float) -> float:
    """Draw the text, with a number over each of the least likely tokens; return the y below it."""

    def width(_: GeneratedToken, label: str) -> float:
        return max(canvas.text_width(label, _SIZE) + 2, 6)

    y += 8 if least else 0
    ranks = {index: str(rank) for rank, index in enumerate(least, 1)}
    chips, y = _STYLE.set(canvas, tokens, y, width, leftwards=is_leftwards(token.text for token in tokens))
    for index, chip in enumerate(chips):
        box, level = chip.box, chip.token.level
        canvas.box(box, level.fill, radius=2)
        canvas.box(Box(box.x, box.bottom + 1, box.width, level.line), INK)
        canvas.text(box.x + 1, box.y + 17.5, chip.label, _SIZE, fill=ink_on(level.fill))
        canvas.text(box.middle, box.y - 2, ranks.get(index, ""), SMALL, align=0.5, bold=True)
    return canvas.more(y, more + len(tokens) - len(chips))


def _legend(canvas: Canvas, y: float) -> float:
    legend = Legend(canvas, y)
    for level in LEVELS:
        legend.sign(str(level.name), partial(_level, canvas, level), apart=16, base=11)
    return legend.y + 30


def _level(canvas: Canvas, level: Level, x: float, y: float) -> None:
    canvas.box(Box(x, y, 20, 12), level.fill, radius=2)
    canvas.box(Box(x, y + 13, 20, level.line), INK)


def _alternatives(canvas: Canvas, tokens: Sequence[GeneratedToken], y: float) -> float:
    """List the alternatives to each token in two columns; return the y below them."""
    width = (canvas.width - 2 * MARGIN - _GUTTER) / 2
    for first in range(0, len(tokens), 2):
        ends = [
            _choice(canvas, first + column + 1, token, Box(MARGIN + column * (width + _GUTTER), y, width, 0))
            for column, token in enumerate(tokens[first : first + 2])
        ]
        y = max(ends)
    return y


def _choice(canvas: Canvas, rank: int, token: GeneratedToken, box: Box) -> float:
    """Draw a token and its alternatives, each with a bar; return the y below them."""
    y = box.y + 6
    number_width = canvas.text(box.x, y + TEXT, f"{rank}", TEXT, bold=True) + 8
    x, room = box.x + number_width, box.width - number_width - _PERCENT
    entries = [Alternative(token.text, token.probability), *token.alternatives[:MOST_ALTERNATIVES]]
    for index, entry in enumerate(entries):
        base = y + index * _ROW + TEXT
        is_chosen = index == 0
        length = max(room * share_of(entry.probability), 2)
        canvas.box(Box(x, base - 12.5, room, _ROW - 3), FAINT, radius=3)
        canvas.box(Box(x, base - 12.5, length, _ROW - 3), CHOSEN if is_chosen else _OTHER, radius=3)
        canvas.text(box.x + box.width, base, percent(entry.probability), SMALL, align=1, bold=is_chosen)
        canvas.text(x + 5, base, canvas.cut(as_chip(entry.text), TEXT, room - 10, is_chosen), TEXT, bold=is_chosen)
    return y + len(entries) * _ROW + 6


def _alt(tokens: Sequence[GeneratedToken], title: str) -> str:
    least = sorted(tokens, key=lambda token: share_of(token.probability))[:LEAST_LIKELY]
    said = [_named(token) for token in least]
    text = visible("".join(token.text for token in tokens)).strip()
    sentences = [
        plural(
            "{number} generated token, coloured by probability.",
            "{number} generated tokens, coloured by probability.",
            len(tokens),
            number=whole(len(tokens)),
        ),
        _("Least likely: {tokens}.", tokens=listed(said)) if said else "",
        _("The text: {text}", text=text) if text else "",
    ]
    return alt_text(sentences, title)


def _named(token: GeneratedToken) -> str:
    """Name a token and its likeliest alternative."""
    said = f"{quoted(token.text)} {percent(token.probability)}"
    if not token.alternatives:
        return said
    likeliest = token.alternatives[0]
    other = f"{quoted(likeliest.text)} {percent(likeliest.probability)}"
    # Translators: both are a token with its probability.
    return _("{token} (instead of {other})", token=said, other=other)
