"""How a text was written: each token with how sure the model was, and what the settings did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.pictures.bars import bars
from bot.pictures.confidence import Alternative, GeneratedToken, confidence_text
from bot.pictures.distribution import Candidate, distribution
from bot.pictures.picture import Picture
from bot.pictures.wording import as_chip
from bot.replies.work.blocks import Block, Paragraph, Table
from bot.replies.work.numbers import CONTINUES, percent, token_text
from bot.replies.work.page import Page
from bot.tasks.work.pieces import Distribution, Lengths, Reshaped, Written, WrittenToken

WRITTEN_ABOUT = (
    "The model writes one token at a time. For each place it gives every token of its vocabulary a probability; p is "
    "that of the token that was taken."
)
OTHERS_ABOUT = "What else could have stood there: each token that was taken, and below it the likeliest others."
AT_THE_BORDER = (
    "What was drawn although it has 0.0% stood at the border of top_p: reading a text at once rounds otherwise than "
    "writing it token by token."
)
DRAWN_ABOUT = (
    "**Temperature** divides the logits: below 1 the likelier tokens become likelier still, above 1 the others catch "
    "up. **top_p** then keeps only the likeliest tokens that together reach it, and one of these is drawn."
)
LIKELIEST_ABOUT = "Nothing was drawn at random: the likeliest token was taken."
UNLIKELIER_ABOUT = (
    "Nothing was drawn at random. Where another token than the likeliest was taken, a rule of the checkpoint decided, "
    "such as beam search, or rounding: it differs between writing a text token by token and reading it at once."
)


def written_pages(piece: Written, lengths: Lengths | None) -> Iterator[Page]:
    """The text with its probabilities, and what else could have been written."""
    name = f": {piece.name}" if piece.name else ""
    yield Page(f"Written tokens{name}", WRITTEN_ABOUT, tuple(_blocks(piece, lengths)), partial(_confidence, piece))
    if any(one.alternatives for one in piece.tokens):
        yield Page(f"Alternatives{name}", OTHERS_ABOUT, (Table(("p", "token"), tuple(_others(piece))),))


def distribution_page(piece: Distribution) -> Page:
    """What temperature and top_p did to the probabilities at one place."""
    of = f" of {piece.name}" if piece.name else ""
    where = f"Token {piece.place + 1}{of}, where the model was least sure of what it wrote."
    if piece.temperature == 0:
        about = UNLIKELIER_ABOUT if piece.chosen else LIKELIEST_ABOUT
        named = [(one.before, _named(piece, one)) for one in piece.candidates]
        table = Table(("p", "token"), tuple((percent(before), name) for before, name in named))
        names, shares = [name for _, name in named], [before for before, _ in named]
        draw = partial(bars, names, shares, f"What could be token {piece.place + 1}{of}")
        return Page("The least certain token", about, (Paragraph(where), table), draw)
    chosen = piece.candidates[piece.chosen]
    before, after = percent(chosen.before), percent(chosen.after)
    did = f"left its {before} as it was" if before == after else f"turned its {before} into {after}"
    facts = f"{where} Temperature {piece.temperature:g} and top_p {piece.top_p:g} {did}."
    if not chosen.after:
        facts = f"{facts} {AT_THE_BORDER}"
    table = Table(("before", "after", "token"), tuple(_before_and_after(piece)))
    return Page("Temperature and top_p", DRAWN_ABOUT, (Paragraph(facts), table), _bars(piece))


def _before_and_after(piece: Distribution) -> Iterator[tuple[str, str, str]]:
    for one in piece.candidates:
        yield percent(one.before), percent(one.after) if one.after > 0 else "cut off", _named(piece, one)


def lengths_text(piece: Lengths) -> str:
    """How much was read and written."""
    return (
        f"The encoder read {piece.encoder:,} tokens at once. The decoder wrote {piece.decoder:,}, one after the other, "
        "each time looking at all that the encoder has read and at what it has written so far."
    )


def _blocks(piece: Written, lengths: Lengths | None) -> Iterator[Block]:
    if lengths is not None:
        yield Paragraph(lengths_text(lengths))
    if not piece.tokens:
        yield Paragraph("The model wrote nothing.")
        return
    yield Paragraph(
        "The model ended the text itself."
        if piece.ended
        else "The model would have gone on, but the text had reached its length or was stopped, by somebody or a rule."
    )
    if piece.temperature == 0:
        yield Table(("p", "token"), tuple((percent(one.probability), token_text(one.token)) for one in piece.tokens))
        return
    yield Paragraph(
        f"p: by the model alone; drawn: after temperature {piece.temperature:g} and top_p {piece.top_p:g}; left: how "
        "many tokens top_p left to draw from."
    )
    rows = tuple(
        (percent(one.probability), percent(one.drawn_with), f"{one.nucleus:,}", token_text(one.token))
        for one in piece.tokens
    )
    if not all(one.drawn_with for one in piece.tokens):
        yield Paragraph(AT_THE_BORDER)
    yield Table(("p", "drawn", "left", "token"), rows)


def _others(piece: Written) -> Iterator[tuple[str, str]]:
    for place, one in enumerate(piece.tokens, 1):
        yield percent(one.probability), f"{place}. {token_text(one.token)}"
        for other in one.alternatives:
            yield percent(other.probability), f"   or {_following(other.text, one.apart)}"


def _named(piece: Distribution, one: Reshaped) -> str:
    """A candidate's token, and whether it is the one that was written."""
    return f"{_following(one.text, piece.apart)}{' (written)' if one is piece.candidates[piece.chosen] else ''}"


def _following(text: str, apart: bool) -> str:
    """A token as it would follow in the text: one with a space before it begins a word, another continues one.

    Args:
        apart: whether no word stands there to continue. Then the space is one that would be seen.
    """
    if not apart and len(text) > 1 and text[0] == " ":
        return as_chip(text[1:])
    return as_chip(text) if apart or text[:1].isspace() else CONTINUES + as_chip(text)


def _confidence(piece: Written) -> Picture:
    tokens = [
        GeneratedToken(
            _spaced(one),
            one.probability,
            tuple(Alternative(other.text, other.probability) for other in one.alternatives),
        )
        for one in piece.tokens
    ]
    of = f" of {piece.name}" if piece.name else ""
    return confidence_text(tokens, f"How sure the model was of each token{of}")


def _spaced(one: WrittenToken) -> str:
    """A token as it stands in the text."""
    starts = one.token.starts_word and not one.token.special and not one.apart
    return f" {one.token.text}" if starts and not one.token.text[:1].isspace() else one.token.text


def _bars(piece: Distribution) -> partial[Picture]:
    shown = [Candidate(_following(one.text, piece.apart), one.before, one.after) for one in piece.candidates]
    of = f" of {piece.name}" if piece.name else ""
    settings = f"temperature {piece.temperature:g}, top_p {piece.top_p:g}"
    return partial(distribution, shown, f"Token {piece.place + 1}{of}: {settings}", piece.chosen)
