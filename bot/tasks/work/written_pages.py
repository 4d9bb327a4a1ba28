"""The pages of a written text: each token with its probability, its alternatives, and the effect of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import Bars, Block, Confidence, Page, Reshaped, column, table
from bot.tasks.work.other_tokens import OtherToken, Place, Places
from bot.tasks.work.pages import page, shares_table
from bot.tasks.work.temperatures import at_temperatures
from bot.tasks.work.texts import Form, Number, Sentence, Text, Words, general, grouped, spaced
from bot.tasks.work.wording import later, sentence

if TYPE_CHECKING:
    from bot.inference.heads.generation.sampling import Sampling


@dataclass(frozen=True)
class Alternative:
    """A token that might stand at a position."""

    text: str
    """As it follows in the text, with the space before it if it begins a word."""
    id: int
    probability: float
    """By the model alone."""
    after: float = 0.0
    """After temperature and top_p; 0 if it was cut off."""


@dataclass(frozen=True)
class WrittenToken:
    """A token that the model generated."""

    token: Token
    probability: float
    """By the model alone."""
    drawn_with: float
    """Its probability after temperature and top_p; 1 if the likeliest is always taken."""
    alternatives: tuple[Alternative, ...]
    """The likeliest others."""
    nucleus: int
    """The number of tokens that top_p left."""
    apart: bool = False
    """No word stands right before it that it could continue, such as behind a line break."""
    bits: float = 0.0
    """The entropy of the model's prediction at its place."""


def written_pages(
    tokens: Sequence[WrittenToken],
    sampling: Sampling,
    name: Words = "",
    *,
    ended: bool,
    lengths: tuple[int, int] | None = None,
    text: int | None = None,
) -> Iterator[Page]:
    """Show a text with its probabilities, and the alternatives of each token.

    Args:
        name: of the text; "" for a single one.
        ended: the model ended the text itself.
        lengths: the tokens that an encoder has read and a decoder written.
        text: its index in the answer, if it can go on from another token; otherwise None.
    """
    picture = Confidence(
        later("How likely each token was of {text}", text=name) if name else later("How likely each token was"),
        tuple(map(_spaced, tokens)),
        tuple(one.probability for one in tokens),
        tuple(tuple((other.text, other.probability) for other in one.alternatives) for one in tokens),
    )
    blocks = _written_blocks(tokens, sampling, lengths, ended=ended)
    yield page("written", *blocks, picture=picture, behind=name)
    if any(one.alternatives for one in tokens):
        shares, names = zip(*_with_others(tokens), strict=True)
        told = () if text is None else (sentence("written.branch"),)
        found = page("alternatives", *told, shares_table(names, shares, later("token")), behind=name)
        yield found if text is None else replace(found, places=_places(tokens, text))


def _places(tokens: Sequence[WrittenToken], text: int) -> Places | None:
    """Return the places of a text with alternatives; None if it has none."""
    found = [
        Place(number, OtherToken(one.token, one.probability), one.bits, tuple(_others(one)))
        for number, one in enumerate(tokens, 1)
        if one.alternatives
    ]
    found.sort(key=lambda place: -place.bits)
    written = tuple(one.token.id for one in tokens)
    return Places(text, written, tuple(found)) if found else None


def _others(written: WrittenToken) -> Iterator[OtherToken]:
    """Yield the alternatives as they would stand in the token's place."""
    for one in written.alternatives:
        yield OtherToken(_following(one, written.apart), one.probability)


def _written_blocks(
    tokens: Sequence[WrittenToken], sampling: Sampling, lengths: tuple[int, int] | None, *, ended: bool
) -> Iterator[Block | Sentence]:
    if lengths is not None:
        yield sentence("written.lengths", read=grouped(lengths[0]), wrote=grouped(lengths[1]))
    if not tokens:
        yield later("The model wrote nothing.")
        return
    yield sentence("written.ended" if ended else "written.stopped")
    probabilities, chips = [one.probability for one in tokens], [one.token for one in tokens]
    if sampling.greedy:
        yield shares_table(chips, probabilities, later("token"))
        return
    yield sentence("written.columns", **_settings(sampling))
    if not all(one.drawn_with for one in tokens):
        yield sentence("written.border")
    yield table(
        column("p", probabilities, Form.PERCENT),
        column(later("drawn"), (one.drawn_with for one in tokens), Form.PERCENT),
        column(later("left"), (one.nucleus for one in tokens), Form.COUNT),
        column(later("token"), chips),
    )


def _with_others(tokens: Sequence[WrittenToken]) -> Iterator[tuple[float, Text]]:
    for number, one in enumerate(tokens, 1):
        yield one.probability, (f"{number}. ", one.token)
        for other in one.alternatives:
            yield other.probability, ("   ", later("or {token}", token=_following(other, one.apart)))


def _spaced(one: WrittenToken) -> str:
    """Return a token as it stands in the text."""
    starts = one.token.starts_word and not one.token.special and not one.apart
    return f" {one.token.text}" if starts and not one.token.text[:1].isspace() else one.token.text


def _following(one: Alternative, apart: bool) -> Token:
    """Return a token as it would follow: one with a space before it begins a word, another continues one.

    If it stands apart, no word is there to continue, and the space would be visible.
    """
    text = one.text
    if not apart and len(text) > 1 and text[0] == " ":
        return Token(text[1:], one.id, special=False, starts_word=True)
    return Token(text, one.id, special=False, starts_word=apart or text[:1].isspace())


def least_certain_page(
    candidates: Sequence[Alternative],
    chosen: int,
    sampling: Sampling,
    index: int,
    *,
    name: Words = "",
    apart: bool = False,
    logits: npt.NDArray[np.float32] | None = None,
) -> Page:
    """Show how temperature and top_p changed the probabilities at one position of a written text.

    Args:
        candidates: the likeliest, in order; last the written token, if it is not one of them.
        chosen: index of the written one.
        index: of the token in the text, from 0.
        name: of the text.
        apart: as of its `WrittenToken`.
        logits: of all tokens at this position, for other temperatures.
    """
    names = [_following(one, apart) for one in candidates]
    said: list[Text] = [
        (later("{token} (written)", token=one)) if index == chosen else one for index, one in enumerate(names)
    ]
    before, after = [one.probability for one in candidates], [one.after for one in candidates]
    shown, place = [one.id for one in candidates], index + 1
    if name:
        where = later("Token {place} of {text}, the least likely of those that were written.", place=place, text=name)
        title = later("What could be token {place} of {text}", place=place, text=name)
    else:
        where = later("Token {place}, the least likely of those that were written.", place=place)
        title = later("What could be token {place}", place=place)
    variants = (
        ()
        if logits is None or not logits.size
        else at_temperatures(logits, shown, said, chosen, title, top_p=sampling.top_p, brief=names[chosen])
    )
    if sampling.greedy:
        picture = Bars(title, tuple(said), tuple(before))
        key = "unlikelier" if chosen else "likeliest"
        made = page(key, where, shares_table(said, before, later("token")), picture=picture)
        return replace(made, variants=variants)
    numbers = table(
        column(later("before"), before, Form.PERCENT),
        # Translators: what is not drawn from, in a narrow column of percentages; at most 10 characters.
        column(later("after"), (value if value > 0 else later("cut off") for value in after), Form.PERCENT),
        column(later("token"), said),
    )
    settings = _settings(sampling)
    if name:
        title = sentence("written.drawn-of-text", place=place, text=name, **settings)
    else:
        title = sentence("written.drawn", place=place, **settings)
    drawn = Reshaped(title, tuple(names), tuple(before), tuple(after), chosen)
    made = page("drawn", (spaced(where, *_did(sampling, before[chosen], after[chosen])),), numbers, picture=drawn)
    return replace(made, variants=variants)


def _did(sampling: Sampling, before: float, after: float) -> Iterator[Sentence]:
    """Say how temperature and top_p changed the written token's probability."""
    settings, first = _settings(sampling), Number(before, Form.PERCENT)
    # Both look alike if they are written alike: only 0 as 0.0%, and only 1 as 100.0%.
    if (round(100 * before, 1), before > 0, before < 1) == (round(100 * after, 1), after > 0, after < 1):
        yield sentence("written.did-nothing", before=first, **settings)
    else:
        yield sentence("written.did", before=first, after=Number(after, Form.PERCENT), **settings)
    if not after:
        yield sentence("written.border")


def _settings(sampling: Sampling) -> dict[str, Text]:
    return {"temperature": general(sampling.temperature), "top_p": general(sampling.top_p)}
