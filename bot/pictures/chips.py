"""Texts as their tokens: coloured chips, words held together, ids and attention mask below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import groupby

from bot.locales.marks import with_colon
from bot.locales.message import _, plural
from bot.locales.numbers import whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Box, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.legend import Legend
from bot.pictures.palette import BORDER, CARD, INK, MUTED, WORDS, Colour
from bot.pictures.paragraph import Chip, Style
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, enumerated, more, quoted

MOST_ROWS = 8
MOST_TOKENS = 96
"""In one picture, all rows together; more would be too small to read in a message."""
MOST_LINES = 16
"""Lines of chips, all rows together."""
MOST_PADDING = 3
"""Padding chips in a row. Longer padding becomes two chips, and the second says how many it stands for."""

_MANY = 40
_WIDER = 600.0
_CHIP = 25.0
_STYLE = Style(_CHIP, line=64.0, most_lines=MOST_LINES, word_gap=5.0, piece_gap=0.0)
_PADDING = 6.0
_RADIUS = 6.0


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    SPECIAL = "special"
    PADDING = "padding"


@dataclass(frozen=True)
class Token:
    """A token, with its text in readable form, such as "love", "##ing" or " course"."""

    text: str
    id: int
    kind: Kind = Kind.WORD
    starts_word: bool = True
    attended: bool = True
    """Its value in the attention mask."""
    stands_for: int = 1
    """The number of equal tokens that its chip represents."""


@dataclass(frozen=True)
class TokenRow:
    """One text of a batch, with special tokens and padding, in the model's order."""

    tokens: tuple[Token, ...]
    title: str = ""
    left_out: int = 0
    """Number of tokens that truncation removed."""
    reading: str = ""
    """How this row reads the text of the row before, such as "In a template"; empty for a text of its own."""


def token_chips(rows: Sequence[TokenRow], title: str = "") -> Picture:
    """Draw texts as their tokens; several texts are a padded batch.

    A long text is cut, with the number of its other tokens. A text written from right to left runs in that direction.
    """
    shown = [replace(row, tokens=tuple(_with_short_padding(row.tokens))) for row in rows[:MOST_ROWS]]
    per_row = max(MOST_TOKENS // max(len(shown), 1), 8)
    style = replace(_STYLE, most_lines=max(MOST_LINES // max(len(shown), 1), 2))
    widest = max((min(len(row.tokens), per_row) for row in shown), default=0)
    canvas = Canvas(_WIDER if widest > _MANY else WIDTH, (token.text for row in shown for token in row.tokens))
    y = canvas.title(title)
    for row in shown:
        y = _row(canvas, row, per_row, style, y)
    if len(rows) > len(shown):
        y = canvas.note(y, _more_texts(len(rows) - len(shown)))
    return canvas.picture(_legend(canvas, shown, y), _alt(rows, title))


def _more_texts(number: int) -> str:
    return plural("… {number} more text", "… {number} more texts", number, number=whole(number))


def _with_short_padding(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, with one chip in place of much padding."""
    for kind, group in groupby(tokens, key=lambda token: token.kind):
        run = list(group)
        if kind is Kind.PADDING and len(run) > MOST_PADDING:
            others = len(run) - 1
            run = [run[0], replace(run[0], text=more(others), stands_for=others)]
        yield from run


def _row(canvas: Canvas, row: TokenRow, most: int, style: Style, y: float) -> float:
    """Draw a text's tokens and return the y below them."""
    if row.title:
        y += SMALL
        canvas.text(MARGIN, y, canvas.cut(row.title, SMALL + 1, canvas.width - 2 * MARGIN), SMALL + 1, fill=MUTED)
        y += 7
    tokens = row.tokens[:most]
    leftwards = is_leftwards(token.text for token in tokens if token.kind is Kind.WORD)

    def width(token: Token, label: str) -> float:
        below = canvas.text_width(str(token.id), SMALL) + 4
        return max(canvas.text_width(label, TEXT, token.kind is Kind.SPECIAL) + 2 * _PADDING, below, 16)

    chips, y = style.set(canvas, tokens, y, width, leftwards=leftwards)
    word = -1
    for index, chip in enumerate(chips):
        word += chip.token.starts_word
        starts = index == 0 or _divided(chips[index - 1], chip)
        ends = index + 1 == len(chips) or _divided(chip, chips[index + 1])
        left, right = (ends, starts) if leftwards else (starts, ends)
        _draw(canvas, chip, WORDS[word % len(WORDS)], (left, right, right, left))
    others = sum(token.stands_for for token in row.tokens[len(chips) :])
    rest = [more(others)] if others else []
    # Translators: tokens that a model's limit has cut off.
    rest += [_("✂ {number} cut off at the limit", number=whole(row.left_out))] if row.left_out else []
    return canvas.note(y - 6, "  ".join(rest)) if rest else y


def _divided(before: Chip[Token], after: Chip[Token]) -> bool:
    """Return whether a word or a line ends between two tokens."""
    return after.token.starts_word or before.token.kind is not Kind.WORD or before.line != after.line


def _draw(canvas: Canvas, chip: Chip[Token], colour: Colour, corners: tuple[bool, bool, bool, bool]) -> None:
    """Draw a chip, with a line between the tokens of a word."""
    token, box = chip.token, chip.box
    if token.kind is Kind.WORD:
        canvas.box(box, colour, radius=_RADIUS, corners=corners)
        if not corners[0]:
            canvas.box(Box(box.x - 0.5, box.y + 3, 1, box.height - 6), MUTED)
    else:
        _outlined(canvas, box, token.kind, _RADIUS)
    fill = MUTED if token.kind is Kind.PADDING else INK
    canvas.text(box.middle, box.y + 17, chip.label, align=0.5, fill=fill, bold=token.kind is Kind.SPECIAL)
    canvas.text(box.middle, box.bottom + 12, str(token.id), SMALL, align=0.5, fill=MUTED)
    mark = "1" if token.attended else "0"
    canvas.text(box.middle, box.bottom + 26, mark, SMALL, align=0.5, bold=token.attended)


def _outlined(canvas: Canvas, box: Box, kind: Kind, radius: float) -> None:
    """Draw the chip of a special token, or of padding, which is hatched."""
    is_special = kind is Kind.SPECIAL
    outline, hatch = (INK, None) if is_special else (BORDER, BORDER)
    canvas.box(box, CARD, radius=radius, outline=outline, hatch=hatch)


def _legend(canvas: Canvas, rows: Sequence[TokenRow], y: float) -> float:
    """Explain the chips and the numbers below them; return the card's height."""
    kinds = {token.kind for row in rows for token in row.tokens}
    legend = Legend(canvas, y)
    # Translators: a legend of three entries in one line of a picture, at most 60 characters together.
    for kind, says in ((Kind.SPECIAL, _("special token")), (Kind.PADDING, _("padding"))):
        if kind in kinds:
            legend.sign(says, partial(_outlined_sign, canvas, kind), before=25, apart=14, base=11)
    legend.words(_("below: id, attention mask"))
    return legend.y + 13 + MARGIN


def _outlined_sign(canvas: Canvas, kind: Kind, x: float, y: float) -> None:
    _outlined(canvas, Box(x, y, 20, 13), kind, 4)


def _alt(rows: Sequence[TokenRow], title: str) -> str:
    texts = sum(not row.reading for row in rows)
    sentences = [plural("{number} text as tokens.", "{number} texts as tokens.", texts, number=whole(texts))]
    for index, row in enumerate(rows, 1):
        padding = sum(token.kind is Kind.PADDING for token in row.tokens)
        special = sum(token.kind is Kind.SPECIAL for token in row.tokens)
        tokens = len(row.tokens) - padding
        counts = [
            plural("{number} token", "{number} tokens", tokens, number=whole(tokens)),
            _("{number} of them special", number=special),
        ]
        if padding and row.tokens[0].kind is Kind.PADDING:
            counts.append(_("after {number} of padding", number=padding))
        elif padding:
            counts.append(_("then {number} of padding", number=padding))
        if row.left_out:
            counts.append(_("{number} cut off", number=whole(row.left_out)))
        # A plus joins a token to its word.
        words = " ".join(
            f"{'' if token.starts_word else '+ '}{quoted(token.text)}"
            for token in row.tokens
            if token.kind is not Kind.PADDING
        )
        name = row.reading or _("Text {number}", number=index)
        sentences.append(_("{phrase}.", phrase=with_colon(enumerated([name, *counts]), words)))
    return alt_text(sentences, title)
