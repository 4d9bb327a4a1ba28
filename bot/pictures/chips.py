"""Texts as their tokens: coloured chips, words held together, ids and attention mask below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby

from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.flow import Cell, flow, height
from bot.pictures.palette import BORDER, CARD, INK, MUTED, WORDS, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_word, counted, quoted

MOST_ROWS = 8
MOST_TOKENS = 96
"""On one picture, of all rows together; more would be too small where Discord shows pictures in a message."""

MOST_LINES = 16
"""Of chips, of all rows together."""

MOST_PADDING = 3
"""Chips of a row; more are two, of which the second says how many it stands for. They would crowd out the text."""

_MANY = 40
_WIDER = 600.0
_CHIP = 25.0
_LINE = 64.0
_PADDING = 6.0
_WIDEST = 200.0
_WORD_GAP = 5.0
_RADIUS = 6.0


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    SPECIAL = "special"
    PADDING = "padding"


@dataclass(frozen=True)
class Token:
    """A token as it is shown.

    Attributes:
        text: readable, such as "love", "##ing" or " course".
        id: in the vocabulary.
        kind: whether it stands for text.
        starts_word: false where it continues the word before it.
        attended: its place in the attention mask.
        stands_for: how many equal tokens it is drawn for.
    """

    text: str
    id: int
    kind: Kind = Kind.WORD
    starts_word: bool = True
    attended: bool = True
    stands_for: int = 1


@dataclass(frozen=True)
class TokenRow:
    """One text of a batch.

    Attributes:
        tokens: with special tokens and padding, in the model's order.
        title: stands above it, such as "Text 1: 9 tokens".
        left_out: tokens that truncation took away.
        reading: how the text of the row before is read here, such as "In a template"; empty for a text of its own.
    """

    tokens: tuple[Token, ...]
    title: str = ""
    left_out: int = 0
    reading: str = ""


def token_chips(rows: Sequence[TokenRow], title: str = "") -> Picture:
    """Draws texts as their tokens; several are a padded batch.

    A long text is cut, and says how many tokens more it has. A text that is written from right to left runs so.
    """
    shown = [replace(row, tokens=tuple(_with_few_of_padding(row.tokens))) for row in rows[:MOST_ROWS]]
    per_row = max(MOST_TOKENS // max(len(shown), 1), 8)
    most_lines = max(MOST_LINES // max(len(shown), 1), 2)
    widest = max((min(len(row.tokens), per_row) for row in shown), default=0)
    canvas = Canvas(_WIDER if widest > _MANY else WIDTH, (token.text for row in shown for token in row.tokens))
    y = canvas.title(title)
    for row in shown:
        y = _row(canvas, row, per_row, most_lines, y)
    if len(rows) > len(shown):
        y = canvas.note(y, f"… {counted(len(rows) - len(shown), 'more text')}")
    y = _legend(canvas, shown, y)
    return canvas.picture(y, _alt(rows, title))


def _with_few_of_padding(tokens: Sequence[Token]) -> Iterator[Token]:
    """The same tokens, with one chip for what is too much of padding."""
    for kind, group in groupby(tokens, key=lambda token: token.kind):
        run = list(group)
        if kind is Kind.PADDING and len(run) > MOST_PADDING:
            more = len(run) - 1
            run = [run[0], replace(run[0], text=f"… {more:,} more", stands_for=more)]
        yield from run


def _row(canvas: Canvas, row: TokenRow, most: int, most_lines: int, y: float) -> float:
    """Draws a text's tokens; returns the y below them."""
    if row.title:
        y += SMALL
        canvas.text(MARGIN, y, canvas.cut(row.title, SMALL + 1, canvas.width - 2 * MARGIN), SMALL + 1, fill=MUTED)
        y += 7
    tokens = row.tokens[:most]
    leftwards = is_leftwards(token.text for token in tokens if token.kind is Kind.WORD)
    texts = [as_word(token.text, token.starts_word) for token in tokens]
    labels = canvas.pieces(texts, [not token.starts_word for token in tokens], TEXT, _WIDEST)
    widths = [_chip_width(canvas, label, token) for label, token in zip(labels, tokens, strict=True)]
    cells = [Cell(w, _WORD_GAP if token.starts_word else 0) for w, token in zip(widths, tokens, strict=True)]
    places = flow(cells, MARGIN, canvas.width - 2 * MARGIN, most_lines, leftwards)
    word = -1
    for index, (token, label, place) in enumerate(zip(tokens, labels, places, strict=False)):
        word += token.starts_word
        starts = index == 0 or _divided(tokens[index - 1], token) or places[index - 1].line != place.line
        ends = index + 1 == len(places) or _divided(token, tokens[index + 1]) or places[index + 1].line != place.line
        box = Box(place.x, y + place.line * _LINE, widths[index], _CHIP)
        left, right = (ends, starts) if leftwards else (starts, ends)
        _chip(canvas, box, token, label, WORDS[word % len(WORDS)], (left, right, right, left))
    rest = _rest(sum(token.stands_for for token in row.tokens[len(places) :]), row.left_out)
    y += height(places, _LINE)
    return canvas.note(y - 6, rest) if rest else y


def _divided(before: Token, after: Token) -> bool:
    """Whether a word ends between two tokens."""
    return after.starts_word or before.kind is not Kind.WORD


def _chip(
    canvas: Canvas, box: Box, token: Token, label: str, colour: Colour, corners: tuple[bool, bool, bool, bool]
) -> None:
    """A chip, with a line between tokens of one word; special tokens have an outline, padding is hatched as well."""
    middle = box.x + box.width / 2
    if token.kind is Kind.WORD:
        canvas.box(box, colour, radius=_RADIUS, corners=corners)
        if not corners[0]:
            canvas.box(Box(box.x - 0.5, box.y + 3, 1, box.height - 6), MUTED)
    elif token.kind is Kind.SPECIAL:
        canvas.box(box, CARD, radius=_RADIUS, outline=INK)
    else:
        canvas.box(box, CARD, radius=_RADIUS, outline=BORDER, hatch=BORDER)
    canvas.text(
        middle,
        box.y + 17,
        label,
        TEXT,
        align=0.5,
        fill=MUTED if token.kind is Kind.PADDING else INK,
        bold=token.kind is Kind.SPECIAL,
    )
    canvas.text(middle, box.y + _CHIP + 12, str(token.id), SMALL, align=0.5, fill=MUTED)
    mark = "1" if token.attended else "0"
    canvas.text(middle, box.y + _CHIP + 26, mark, SMALL, align=0.5, bold=token.attended)


def _chip_width(canvas: Canvas, label: str, token: Token) -> float:
    below = canvas.text_width(str(token.id), SMALL) + 4
    return max(canvas.text_width(label, TEXT, token.kind is Kind.SPECIAL) + 2 * _PADDING, below, 16)


def _rest(more: int, left_out: int) -> str:
    parts = [f"… {more:,} more"] if more else []
    if left_out:
        parts.append(f"✂ {left_out:,} cut off at the limit")
    return "  ".join(parts)


def _legend(canvas: Canvas, rows: Sequence[TokenRow], y: float) -> float:
    """Says what stands below a chip, and which chip is what; returns the card's height."""
    kinds = {token.kind for row in rows for token in row.tokens}
    x, middle = MARGIN, y + 7
    for kind, says in ((Kind.SPECIAL, "special token"), (Kind.PADDING, "padding")):
        if kind not in kinds:
            continue
        box = Box(x, y, 20, 13)
        is_special = kind is Kind.SPECIAL
        canvas.box(box, CARD, radius=4, outline=INK if is_special else BORDER, hatch=None if is_special else BORDER)
        x += 25 + canvas.text(x + 25, middle + 4, says, SMALL, fill=MUTED) + 14
    canvas.text(x, middle + 4, "below: id, attention mask", SMALL, fill=MUTED)
    return y + 13 + MARGIN


def _alt(rows: Sequence[TokenRow], title: str) -> str:
    texts = sum(not row.reading for row in rows)
    sentences = [f"{title}." if title else "", f"{counted(texts, 'text')} as tokens."]
    for index, row in enumerate(rows, 1):
        padding = sum(token.kind is Kind.PADDING for token in row.tokens)
        special = sum(token.kind is Kind.SPECIAL for token in row.tokens)
        counts = [counted(len(row.tokens) - padding, "token"), f"{special} of them special"]
        if padding:
            counts.append(f"{'after' if row.tokens[0].kind is Kind.PADDING else 'then'} {padding} of padding")
        if row.left_out:
            counts.append(f"{row.left_out:,} cut off")
        words = " ".join(_said(token) for token in row.tokens if token.kind is not Kind.PADDING)
        sentences.append(f"{row.reading or f'Text {index}'}, {', '.join(counts)}: {words}.")
    return alt_text(sentences)


def _said(token: Token) -> str:
    """A token for the alt text; a plus joins it to its word."""
    return quoted(token.text) if token.starts_word else f"+ {quoted(token.text)}"
