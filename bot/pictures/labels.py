"""A text as its tokens, each with the label that a model gave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.flow import Cell, flow, height
from bot.pictures.palette import BORDER, CARD, INK, MUTED, WORDS, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_word, counted, listed, percent, quoted

MOST_TOKENS = 96
MOST_LINES = 14

_MANY = 40
_WIDER = 600.0
_CHIP = 25.0
_LINE = 66.0
_PADDING = 6.0
_WIDEST = 200.0
_LABEL_WIDTH = 90.0
_WORD_GAP = 6.0
_RADIUS = 5.0
_NAMED = 12  # tokens in the alt text


@dataclass(frozen=True)
class LabelledToken:
    """A token and its label.

    Attributes:
        text: readable.
        label: stands below it; "" where it has none, as special tokens.
        kind: tokens of one kind have one colour; "" for what is of no kind.
        probability: of the label.
        starts_word: false where it continues the word before it.
    """

    text: str
    label: str
    kind: str
    probability: float
    starts_word: bool = True


def labelled_tokens(tokens: Sequence[LabelledToken], title: str = "") -> Picture:
    """Draws a text's tokens with their labels and probabilities below them, coloured by kind.

    There are four colours, which begin again with the fifth kind: the labels tell kinds apart in any case.
    """
    shown = tokens[:MOST_TOKENS]
    colours = _colours(shown)
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (title, *(text for one in shown for text in _texts(one))))
    y = canvas.title(title)
    leftwards = is_leftwards(token.text for token in shown)
    texts = [as_word(token.text, token.starts_word) for token in shown]
    chips = canvas.pieces(texts, [not token.starts_word for token in shown], TEXT, _WIDEST)
    labels = [canvas.cut(token.label, SMALL, _LABEL_WIDTH, bold=True) for token in shown]
    widths = [_width(canvas, *one) for one in zip(shown, chips, labels, strict=True)]
    cells = [Cell(width, _WORD_GAP if token.starts_word else 1) for width, token in zip(widths, shown, strict=True)]
    places = flow(cells, MARGIN, canvas.width - 2 * MARGIN, MOST_LINES, leftwards)
    for token, chip, label, width, place in zip(shown, chips, labels, widths, places, strict=False):
        box = Box(place.x, y + place.line * _LINE, width, _CHIP)
        _token(canvas, box, token, chip, label, colours.get(token.kind))
    y += height(places, _LINE)
    if len(tokens) > len(places):
        y = canvas.note(y - 6, f"… {len(tokens) - len(places):,} more")
    return canvas.picture(y + MARGIN / 2, _alt(tokens, title))


def _colours(tokens: Sequence[LabelledToken]) -> dict[str, Colour]:
    kinds = dict.fromkeys(token.kind for token in tokens if token.kind)
    return {kind: WORDS[place % len(WORDS)] for place, kind in enumerate(kinds)}


def _texts(token: LabelledToken) -> tuple[str, str]:
    return token.text, token.label


def _width(canvas: Canvas, token: LabelledToken, chip: str, label: str) -> float:
    below = max(canvas.text_width(label, SMALL, bold=True), canvas.text_width(_share(token), SMALL)) + 4
    return max(canvas.text_width(chip, TEXT) + 2 * _PADDING, below, 16)


def _token(canvas: Canvas, box: Box, token: LabelledToken, chip: str, label: str, colour: Colour | None) -> None:
    """A chip with its label and probability; what is of no kind has no colour, and what has no label an outline."""
    canvas.box(box, colour or CARD, radius=_RADIUS, outline=BORDER if token.label else INK)
    middle = box.x + box.width / 2
    canvas.text(middle, box.y + 17, chip, TEXT, align=0.5, bold=not token.label)
    is_bold = colour is not None
    canvas.text(middle, box.y + _CHIP + 13, label, SMALL, align=0.5, bold=is_bold, fill=INK if is_bold else MUTED)
    canvas.text(middle, box.y + _CHIP + 26, _share(token), SMALL, align=0.5, fill=MUTED)


def _share(token: LabelledToken) -> str:
    return percent(token.probability) if token.label else ""


def _alt(tokens: Sequence[LabelledToken], title: str) -> str:
    found = [token for token in tokens if token.label and token.kind]
    said = [f"{quoted(token.text)} {token.label} {percent(token.probability)}" for token in found[:_NAMED]]
    others = sum(bool(token.label) for token in tokens) - len(found)
    more = [f"{len(found) - _NAMED:,} more"] if len(found) > _NAMED else []
    return alt_text(
        [
            f"{title}." if title else "",
            f"{counted(len(tokens), 'token')} with their labels: {listed([*said, *more]) or 'none of any kind'}.",
            f"{counted(others, 'other token')} outside of all kinds." if others else "",
        ]
    )
