"""How one head divides the attention of one token: the score and the weight of each token that it can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.message import Value, _
from bot.locales.numbers import decimal
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, CARD, FAINT, MUTED
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, listed, number, quoted, share_of

_ROW = 19.0
_TOKEN = 120.0
_NUMBER = 66.0
_NAMED = 3


@dataclass(frozen=True)
class Seen:
    """A token that may be looked at."""

    text: str
    product: float
    """Of query and key."""
    score: float
    """What softmax reads."""
    weight: float
    visible: bool


def weight_row(query: str, keys: Sequence[Seen], chosen: int, title: str = "") -> Picture:
    """Draw from the product of query and key to the weight, a row for each key.

    Args:
        query: the token that looks.
        chosen: index of the key whose weight is worked out; it is set in bold.
    """
    canvas = Canvas(texts=[query, *(key.text for key in keys)])
    y = canvas.title(
        title, _("How {token} divides its attention of 1. Hatched: hidden by the mask.", token=quoted(query))
    )
    product, score = MARGIN + _TOKEN + _NUMBER, MARGIN + _TOKEN + 2 * _NUMBER
    left, end = score + 12, canvas.width - MARGIN
    # Translators: titles of narrow columns in a picture, at most 12 characters each.
    for x, said in ((product, _("query · key")), (score, _("score")), (end, _("weight"))):
        canvas.text(x, y + SMALL, said, SMALL, fill=MUTED, align=1)
    y += SMALL + 8
    room = end - 46 - left
    for index, key in enumerate(keys):
        bold = index == chosen
        base = y + 14
        if bold:
            canvas.box(Box(MARGIN - 4, y, canvas.width - 2 * MARGIN + 8, _ROW), FAINT, radius=4)
        canvas.text(MARGIN, base, canvas.cut(as_chip(key.text), TEXT, _TOKEN - 8, bold), TEXT, bold=bold)
        if key.visible:
            canvas.text(product, base, number(key.product), SMALL, align=1, bold=bold)
            canvas.text(score, base, number(key.score), SMALL, align=1, bold=bold)
            canvas.box(Box(left, y + 4, max(room * share_of(key.weight), 1), _ROW - 8), ACCENT)
            canvas.text(end, base, decimal(key.weight, 3), SMALL, align=1, bold=bold)
        else:
            canvas.box(Box(left, y + 3, room, _ROW - 6), CARD, hatch=BORDER)
            canvas.text(score, base, "−∞", SMALL, fill=MUTED, align=1)
            canvas.text(end, base, "0", SMALL, fill=MUTED, align=1)
        y += _ROW
    return canvas.picture(y + MARGIN, _alt(query, keys, chosen, title))


def _alt(query: str, keys: Sequence[Seen], chosen: int, title: str) -> str:
    key = keys[chosen]
    order = sorted(range(len(keys)), key=lambda index: -keys[index].weight)[:_NAMED]
    hidden = sum(not one.visible for one in keys)
    facts: dict[str, Value] = {"token": quoted(query), "number": len(keys)}
    most = listed([f"{quoted(keys[index].text)} {decimal(keys[index].weight, 3)}" for index in order])
    sentences = [
        _("How {token} divides its attention among {number} tokens, {hidden} of them hidden.", **facts, hidden=hidden)
        if hidden
        else _("How {token} divides its attention among {number} tokens.", **facts),
        _(
            "{token}: product of query and key {product}, score {score}, weight {weight}.",
            token=quoted(key.text),
            product=number(key.product),
            score=number(key.score),
            weight=decimal(key.weight, 3),
        ),
        _("Most: {tokens}.", tokens=most),
    ]
    return alt_text(sentences, title)
