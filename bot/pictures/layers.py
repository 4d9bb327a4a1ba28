"""What a model would predict after each of its layers, and what each layer adds: a row for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locales.marks import with_semicolons
from bot.locales.message import _, plural
from bot.locales.numbers import percent
from bot.pictures.canvas import MARGIN, SMALL, TEXT, Box, Canvas
from bot.pictures.legend import Legend
from bot.pictures.palette import ACCENT, CARD, FAINT, INK, MUTED, SECOND
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, as_chip, drawable, in_a_row, listed, quoted, share_of, signed

MOST_GUESSES, MOST_SHARES = 17, 49
"""Rows. Of deeper models every second layer is drawn, or every third; always the last one. What is likeliest hardly
changes from one layer to the next, so few rows are enough, which can be read on a phone."""

_ROW = 17.0
_NUMBER = 42.0
_TOKEN = 118.0
_PERCENT = 56.0
_NAMED = 3


@dataclass(frozen=True)
class LayerGuess:
    """What would be predicted after a layer."""

    text: str
    probability: float
    followed: float
    """The probability of the token that is followed through the layers."""


def layer_strip(guesses: Sequence[LayerGuess], followed: str, title: str = "") -> Picture:
    """Draw the likeliest token after each layer, and how likely one token is that is followed through the layers.

    Args:
        guesses: of the embeddings, and then of each layer.
        followed: the token that is followed.
    """
    canvas = Canvas(texts=[*(one.text for one in guesses), followed])
    y = canvas.title(title, _("Likeliest, if the model ended after this layer. 0: the embeddings."))
    word = canvas.cut(as_chip(followed), SMALL, 150)
    legend = Legend(canvas, y)
    legend.colour(_("the likeliest"), FAINT, outline=MUTED)
    legend.colour(_("how likely “{word}” is", word=word), ACCENT)
    y = legend.y + 22
    left = MARGIN + _NUMBER + _TOKEN
    room = canvas.width - MARGIN - _PERCENT - left
    for index in _drawn(len(guesses), MOST_GUESSES):
        one, is_last = guesses[index], index == len(guesses) - 1
        _number(canvas, y, index, bold=is_last)
        is_followed = one.text == followed
        label = canvas.cut(as_chip(one.text), TEXT, _TOKEN - 10, is_followed)
        canvas.text(MARGIN + _NUMBER, y + 13, label, TEXT, bold=is_followed)
        canvas.box(Box(left, y + 1.5, max(room * share_of(one.probability), 1), _ROW - 3), FAINT, outline=MUTED)
        canvas.box(Box(left, y + 5, max(room * share_of(one.followed), 1), _ROW - 10), ACCENT)
        canvas.text(canvas.width - MARGIN, y + 12.5, percent(one.followed), SMALL, align=1, bold=is_last)
        y += _ROW
    return canvas.picture(y + MARGIN, _alt_of_strip(guesses, followed, title))


def layer_shares(values: Sequence[float], token: str, other: str, title: str = "") -> Picture:
    """Draw what each layer adds to how much likelier a token is than another, to the right, or takes from it.

    Args:
        values: of the embeddings, and then of each layer.
    """
    canvas = Canvas(texts=[token, other])
    y = canvas.title(title, _("In logits. 0: the embeddings."))
    names = [canvas.cut(as_chip(text), SMALL, 110) for text in (token, other)]
    legend = Legend(canvas, y)
    legend.colour(_("for “{word}”", word=names[0]), ACCENT)
    legend.colour(_("for “{word}”", word=names[1]), SECOND, hatch=INK)
    y = legend.y + 22
    drawn = [drawable(value) for value in values]
    lowest, highest = min(0.0, *drawn, 0.0), max(0.0, *drawn, 0.0)
    room = Box(MARGIN + _NUMBER, y, canvas.width - 2 * MARGIN - _NUMBER - _PERCENT, 0)
    scale = room.width / ((highest - lowest) or 1.0)
    zero, top = room.x - lowest * scale, y
    for index in _drawn(len(drawn), MOST_SHARES):
        value = drawn[index]
        _number(canvas, y, index)
        length = abs(value) * scale
        fill, hatch = (ACCENT, None) if value >= 0 else (SECOND, INK)
        canvas.box(Box(zero if value >= 0 else zero - length, y + 2, max(length, 1), _ROW - 4), fill, hatch=hatch)
        canvas.text(canvas.width - MARGIN, y + 12.5, signed(values[index]), SMALL, align=1)
        y += _ROW
    canvas.box(Box(zero - 0.5, top, 1, y - top), MUTED)
    return canvas.picture(y + MARGIN, _alt_of_shares(values, token, other, title))


def _drawn(number: int, most: int) -> Sequence[int]:
    """Return which of the rows are drawn: the last one, and others at equal distances."""
    step = max(-(-number // most), 1)
    return range(number - 1, -1, -step)[::-1]


def _number(canvas: Canvas, y: float, index: int, *, bold: bool = False) -> None:
    canvas.box(Box(MARGIN, y + _ROW - 0.5, canvas.width - 2 * MARGIN, 0.5), CARD)
    canvas.text(MARGIN + 22, y + 12.5, str(index), SMALL, fill=INK if bold else MUTED, align=1, bold=bold)


def _alt_of_strip(guesses: Sequence[LayerGuess], followed: str, title: str) -> str:
    # Runs of layers with the same token.
    starts = [i for i, one in enumerate(guesses) if i == 0 or one.text != guesses[i - 1].text]
    ends = [*(start - 1 for start in starts[1:]), len(guesses) - 1]
    first = next((i for i in range(len(guesses)) if all(one.text == followed for one in guesses[i:])), None)
    said = [_run(*run, guesses) for run in zip(starts, ends, strict=True)] if guesses else []
    sentences = [
        plural(
            "The likeliest token after each of {count} layer.",
            "The likeliest token after each of {count} layers.",
            max(len(guesses) - 1, 0),
        ),
        _("{token} ends with {probability}.", token=quoted(followed), probability=percent(guesses[-1].followed))
        if guesses
        else "",
        _("It leads from layer {number} on.", number=first) if first is not None and guesses else "",
        _("By layer: {layers}.", layers=with_semicolons(said)) if guesses else "",
    ]
    return alt_text(sentences, title)


def _run(start: int, end: int, guesses: Sequence[LayerGuess]) -> str:
    """Name what is likeliest from one layer to another; layer 0 are the embeddings."""
    token = quoted(guesses[start].text)
    if not end:
        return _("embeddings: {token}", token=token)
    if not start:
        return _("embeddings and layers 0 to {end}: {token}", end=end, token=token)
    if start == end:
        return _("layer {number}: {token}", number=start, token=token)
    return _("layers {start} to {end}: {token}", start=start, end=end, token=token)


def _alt_of_shares(values: Sequence[float], token: str, other: str, title: str) -> str:
    order = sorted(range(len(values)), key=lambda index: -abs(drawable(values[index])))[:_NAMED]
    named = [_share(index, values[index]) for index in order]
    every = in_a_row(signed(value) for value in values)
    sentences = [
        plural(
            "What {count} layer add to the logit of {token} minus that of {other}.",
            "What {count} layers add to the logit of {token} minus that of {other}.",
            max(len(values) - 1, 0),
            token=quoted(token),
            other=quoted(other),
        ),
        _("Most: {layers}.", layers=listed(named)) if named else "",
        _("From the embeddings on: {numbers}.", numbers=every) if every else "",
    ]
    return alt_text(sentences, title)


def _share(index: int, value: float) -> str:
    if index:
        return _("layer {number} {share}", number=index, share=signed(value))
    return _("the embeddings {share}", share=signed(value))
