"""A text as its tokens, with the label of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.locales.message import _, plural
from bot.locales.numbers import percent, whole
from bot.pictures.canvas import MARGIN, SMALL, TEXT, WIDTH, Canvas
from bot.pictures.direction import is_leftwards
from bot.pictures.palette import BORDER, CARD, INK, MUTED, WORDS, Colour
from bot.pictures.paragraph import Chip, Style
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, listed, more, quoted

MOST_TOKENS = 96

_MANY = 40
_WIDER = 600.0
_STYLE = Style(chip=25.0, line=66.0, most_lines=14, word_gap=6.0)
_PADDING = 6.0
_LABEL_WIDTH = 90.0
_RADIUS = 5.0
_NAMED = 12  # tokens in the alt text


@dataclass(frozen=True)
class LabelledToken:
    """A token, its label, and the label's probability."""

    text: str
    label: str
    """Empty if it has none, as special tokens."""
    kind: str
    """Tokens of one kind have one colour; empty for none."""
    probability: float
    starts_word: bool = True

    @property
    def share(self) -> str:
        """The probability in words."""
        return percent(self.probability) if self.label else ""


def labelled_tokens(tokens: Sequence[LabelledToken], title: str = "") -> Picture:
    """Draw a text's tokens with their labels and probabilities below them, coloured by kind."""
    shown = tokens[:MOST_TOKENS]
    kinds = dict.fromkeys(token.kind for token in shown if token.kind)
    # Colours repeat after four kinds; labels tell the kinds apart.
    colours = {kind: WORDS[index % len(WORDS)] for index, kind in enumerate(kinds)}
    texts = (text for token in shown for text in (token.text, token.label))
    canvas = Canvas(_WIDER if len(shown) > _MANY else WIDTH, (title, *texts))
    y = canvas.title(title)
    shown = [replace(token, label=canvas.cut(token.label, SMALL, _LABEL_WIDTH, bold=True)) for token in shown]

    def width(token: LabelledToken, chip: str) -> float:
        below = max(canvas.text_width(token.label, SMALL, bold=True), canvas.text_width(token.share, SMALL)) + 4
        return max(canvas.text_width(chip, TEXT) + 2 * _PADDING, below, 16)

    chips, y = _STYLE.set(canvas, shown, y, width, leftwards=is_leftwards(token.text for token in shown))
    for chip in chips:
        _draw(canvas, chip, colours.get(chip.token.kind))
    if len(tokens) > len(chips):
        y = canvas.note(y - 6, more(len(tokens) - len(chips)))
    return canvas.picture(y + MARGIN / 2, _alt(tokens, title))


def _draw(canvas: Canvas, chip: Chip[LabelledToken], colour: Colour | None) -> None:
    """Draw a chip with its label and probability; a token without a label has an outline."""
    token, box = chip.token, chip.box
    canvas.box(box, colour or CARD, radius=_RADIUS, outline=BORDER if token.label else INK)
    canvas.text(box.middle, box.y + 17, chip.label, align=0.5, bold=not token.label)
    is_bold, fill = (False, MUTED) if colour is None else (True, INK)
    canvas.text(box.middle, box.bottom + 13, token.label, SMALL, align=0.5, bold=is_bold, fill=fill)
    canvas.text(box.middle, box.bottom + 26, token.share, SMALL, align=0.5, fill=MUTED)


def _alt(tokens: Sequence[LabelledToken], title: str) -> str:
    found = [token for token in tokens if token.label and token.kind]
    said = [f"{quoted(token.text)} {token.label} {percent(token.probability)}" for token in found[:_NAMED]]
    others = sum(bool(token.label) for token in tokens) - len(found)
    rest = len(found) - _NAMED
    further = [plural("{number} more", "{number} more", rest, number=whole(rest))] if rest > 0 else []
    sentences = [
        plural(
            "{number} token with their labels: {labels}.",
            "{number} tokens with their labels: {labels}.",
            len(tokens),
            number=whole(len(tokens)),
            labels=listed([*said, *further]) or _("none of any kind"),
        ),
        plural(
            "{number} other token outside of all kinds.",
            "{number} other tokens outside of all kinds.",
            others,
            number=whole(others),
        )
        if others
        else "",
    ]
    return alt_text(sentences, title)
