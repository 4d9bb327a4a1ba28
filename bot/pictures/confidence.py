"""A generated text, and how sure the model was of each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.flow import Cell, flow, height
from bot.pictures.palette import FAINT, INK, MUTED, Colour, ink_on
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, counted, drawable, listed, percent, quoted, visible

MOST_TOKENS = 120
MOST_LINES = 20
MOST_ALTERNATIVES = 5
LEAST_CERTAIN = 4
"""So many tokens have their alternatives listed."""

_MANY = 60
_WIDER = 600.0
_SIZE = 16.0
_CHIP = 24.0
_LINE = 40.0
_ROW = 20.0
_PERCENT = 50.0
_OTHER: Colour = (188, 213, 238)
CHOSEN: Colour = (122, 170, 218)
"""Blue like those of the others: the warm colours stand for levels."""


@dataclass(frozen=True)
class Level:
    """A range of probabilities, told apart by colour and by the thickness of the line under a token.

    Attributes:
        least: the smallest probability in it.
        says: its name.
        fill: the colour.
        line: points.
    """

    least: float
    says: str
    fill: Colour
    line: float


LEVELS = (
    Level(0.9, "from 90 %", (238, 243, 246), 0.0),
    Level(0.5, "50 to 90 %", (253, 229, 180), 1.5),
    Level(0.1, "10 to 50 %", (243, 165, 92), 3.0),
    Level(0.0, "under 10 %", (158, 42, 28), 4.5),
)


@dataclass(frozen=True)
class Alternative:
    """A token that could have stood there."""

    text: str
    probability: float


@dataclass(frozen=True)
class GeneratedToken:
    """A token that a model wrote.

    Attributes:
        text: readable, spaces and line breaks as they are in the text.
        probability: that the model gave it.
        alternatives: the likeliest others, in order.
    """

    text: str
    probability: float
    alternatives: tuple[Alternative, ...] = ()


def confidence_text(tokens: Sequence[GeneratedToken], title: str = "") -> Picture:
    """Draws a text with each token coloured by its probability, and what else could have stood at the least certain."""
    shown = tokens[:MOST_TOKENS]
    others = (other.text for token in shown for other in token.alternatives)
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (*(token.text for token in shown), *others))
    y = canvas.title(title)
    least = _least_certain(shown)
    y = _text(canvas, shown, {index: rank for rank, index in enumerate(least, 1)}, len(tokens) - len(shown), y)
    y = _legend(canvas, y)
    y = _alternatives(canvas, shown, least, y)
    return canvas.picture(y + MARGIN, _alt(tokens, title))


def _least_certain(tokens: Sequence[GeneratedToken]) -> list[int]:
    """Indices of the tokens whose alternatives are listed, in the text's order."""
    uncertain = [index for index, token in enumerate(tokens) if token.alternatives and _known(token.probability) < 0.9]
    return sorted(sorted(uncertain, key=lambda index: _known(tokens[index].probability))[:LEAST_CERTAIN])


def _text(canvas: Canvas, tokens: Sequence[GeneratedToken], ranks: dict[int, int], more: int, y: float) -> float:
    room = canvas.width - 2 * MARGIN
    labels = canvas.pieces([_inline(token.text) for token in tokens], [True] * len(tokens), _SIZE, room)
    cells = [
        Cell(max(canvas.text_width(label, _SIZE) + 2, 6), 1, token.text.endswith("\n"))
        for label, token in zip(labels, tokens, strict=True)
    ]
    leftwards = is_leftwards(token.text for token in tokens)
    places = flow(cells, MARGIN, room, MOST_LINES, leftwards)
    y += 8 if ranks else 0
    for index, (token, label, place, cell) in enumerate(zip(tokens, labels, places, cells, strict=False)):
        top = y + place.line * _LINE
        level = _level(token.probability)
        canvas.box(Box(place.x, top, cell.width, _CHIP), level.fill, radius=2)
        canvas.box(Box(place.x, top + _CHIP + 1, cell.width, level.line), INK)
        canvas.text(place.x + 1, top + 17.5, label, _SIZE, fill=ink_on(level.fill))
        if index in ranks:
            canvas.text(place.x + cell.width / 2, top - 2, str(ranks[index]), SMALL, align=0.5, bold=True)
    y += height(places, _LINE)
    more += len(tokens) - len(places)
    return canvas.note(y, f"… {more:,} more") if more else y


def _legend(canvas: Canvas, y: float) -> float:
    x = MARGIN
    for level in LEVELS:
        canvas.box(Box(x, y, 20, 12), level.fill, radius=2)
        canvas.box(Box(x, y + 13, 20, level.line), INK)
        x += 26 + canvas.text(x + 26, y + 11, level.says, SMALL, fill=MUTED) + 16
    return y + 30


def _alternatives(canvas: Canvas, tokens: Sequence[GeneratedToken], least: Sequence[int], y: float) -> float:
    """Lists, in two columns, what else could have stood there; returns the y below."""
    gap = 20.0
    width = (canvas.width - 2 * MARGIN - gap) / 2
    bottom = y
    for rank, index in enumerate(least):
        column = rank % 2
        top = bottom if column == 0 else y
        y = top
        end = _choice(canvas, rank + 1, tokens[index], Box(MARGIN + column * (width + gap), top, width, 0))
        bottom = max(bottom, end)
    return bottom


def _choice(canvas: Canvas, rank: int, token: GeneratedToken, box: Box) -> float:
    """One token and its alternatives, each with a bar; returns the y below."""
    y = box.y + 6
    number_width = canvas.text(box.x, y + TEXT, f"{rank}", TEXT, bold=True) + 8
    entries = [Alternative(token.text, token.probability), *token.alternatives[:MOST_ALTERNATIVES]]
    for index, entry in enumerate(entries):
        base = y + index * _ROW + TEXT
        is_chosen = index == 0
        said = percent(entry.probability)
        x = box.x + number_width
        room = box.width - number_width - _PERCENT
        share = _known(entry.probability)
        canvas.box(Box(x, base - 12.5, room, _ROW - 3), FAINT, radius=3)
        canvas.box(Box(x, base - 12.5, max(room * share, 2), _ROW - 3), CHOSEN if is_chosen else _OTHER, radius=3)
        canvas.text(box.x + box.width, base, said, SMALL, align=1, bold=is_chosen)
        canvas.text(x + 5, base, canvas.cut(as_chip(entry.text), TEXT, room - 10, is_chosen), TEXT, bold=is_chosen)
    return y + len(entries) * _ROW + 6


def _inline(text: str) -> str:
    """A token within the text: spaces are spaces, for they separate its words."""
    shown = visible(text)
    return shown if shown.strip(" ") or not shown else " " * min(len(shown), 8)


def _known(probability: float) -> float:
    return min(max(drawable(probability), 0.0), 1.0)


def _level(probability: float) -> Level:
    return next((level for level in LEVELS if _known(probability) >= level.least), LEVELS[-1])


def _alt(tokens: Sequence[GeneratedToken], title: str) -> str:
    least = sorted(tokens, key=lambda token: _known(token.probability))[:LEAST_CERTAIN]
    said = [f"{quoted(token.text)} {percent(token.probability)}{_instead(token)}" for token in least]
    text = visible("".join(token.text for token in tokens)).strip()
    return alt_text(
        [
            f"{title}." if title else "",
            f"{counted(len(tokens), 'generated token')}, coloured by probability.",
            f"Least certain: {listed(said)}." if said else "",
            f"The text: {text}" if text else "",
        ]
    )


def _instead(token: GeneratedToken) -> str:
    """The likeliest other, for the alt text."""
    if not token.alternatives:
        return ""
    other = token.alternatives[0]
    return f" (instead of {quoted(other.text)} {percent(other.probability)})"
