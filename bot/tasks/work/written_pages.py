"""The pages of a written text: each token with its probability, its alternatives, and what the settings did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import Bars, Block, Confidence, Form, Number, Page, Reshaped, Text, column, table
from bot.tasks.work.pages import page, shares_table

if TYPE_CHECKING:
    from bot.inference.heads.generation.sampling import Sampling

AT_THE_BORDER = (
    "What was drawn although it has 0.0% stood at the border of top_p: reading a text at once rounds otherwise than "
    "writing it token by token."
)


@dataclass(frozen=True)
class Alternative:
    """A token that might stand at a position.

    Attributes:
        text: as it follows in the text, with the space before it if it begins a word.
        probability: by the model alone.
        after: after temperature and top_p; 0 if it was cut off.
    """

    text: str
    id: int
    probability: float
    after: float = 0.0


@dataclass(frozen=True)
class WrittenToken:
    """A token that the model wrote.

    Attributes:
        probability: that the model gave it, before temperature and top_p.
        drawn_with: its probability after temperature and top_p; 1 if the likeliest is always taken.
        alternatives: the likeliest others.
        nucleus: how many tokens top_p left.
        apart: whether no word stands right before it that it could continue: it is behind a line break, say.
    """

    token: Token
    probability: float
    drawn_with: float
    alternatives: tuple[Alternative, ...]
    nucleus: int
    apart: bool = False


def written_pages(
    tokens: Sequence[WrittenToken],
    sampling: Sampling,
    name: str = "",
    *,
    ended: bool,
    lengths: tuple[int, int] | None = None,
) -> Iterator[Page]:
    """Show a text with its probabilities, and what else could have been written.

    Args:
        name: which of several texts; "" for a single one.
        ended: whether the model ended the text itself.
        lengths: how many tokens the encoder has read and the decoder written.
    """
    picture = Confidence(
        f"How sure the model was of each token{_of(name)}",
        tuple(map(_spaced, tokens)),
        tuple(one.probability for one in tokens),
        tuple(tuple((other.text, other.probability) for other in one.alternatives) for one in tokens),
    )
    blocks = _written_blocks(tokens, sampling, lengths, ended=ended)
    yield page("written", *blocks, picture=picture, behind=name)
    if any(one.alternatives for one in tokens):
        shares, names = zip(*_with_others(tokens), strict=True)
        yield page("alternatives", shares_table(names, shares, "token"), behind=name)


def _of(name: str) -> str:
    return f" of {name}" if name else ""


def _written_blocks(
    tokens: Sequence[WrittenToken], sampling: Sampling, lengths: tuple[int, int] | None, *, ended: bool
) -> Iterator[Block | str]:
    if lengths is not None:
        yield (
            f"The encoder read {lengths[0]:,} tokens at once. The decoder wrote {lengths[1]:,}, one after the other, "
            "each time looking at all that the encoder has read and at what it has written so far."
        )
    if not tokens:
        yield "The model wrote nothing."
        return
    yield (
        "The model ended the text itself."
        if ended
        else "The model would have gone on, but the text had reached its length or was stopped, by somebody or a rule."
    )
    probabilities, chips = [one.probability for one in tokens], [one.token for one in tokens]
    if sampling.greedy:
        yield shares_table(chips, probabilities, "token")
        return
    yield (
        f"p: by the model alone; drawn: after temperature {sampling.temperature:g} and top_p {sampling.top_p:g}; "
        "left: how many tokens top_p left to draw from."
    )
    if not all(one.drawn_with for one in tokens):
        yield AT_THE_BORDER
    yield table(
        column("p", probabilities, Form.PERCENT),
        column("drawn", (one.drawn_with for one in tokens), Form.PERCENT),
        column("left", (one.nucleus for one in tokens), Form.COUNT),
        column("token", chips),
    )


def _with_others(tokens: Sequence[WrittenToken]) -> Iterator[tuple[float, Text]]:
    for number, one in enumerate(tokens, 1):
        yield one.probability, (f"{number}. ", one.token)
        for other in one.alternatives:
            yield other.probability, ("   or ", _following(other, one.apart))


def _spaced(one: WrittenToken) -> str:
    """Return a token as it stands in the text."""
    starts = one.token.starts_word and not one.token.special and not one.apart
    return f" {one.token.text}" if starts and not one.token.text[:1].isspace() else one.token.text


def _following(one: Alternative, apart: bool) -> Token:
    """Return a token as it would follow: one with a space before it begins a word, another continues one.

    Args:
        apart: whether no word stands there to continue. Then the space is one that would be seen.
    """
    text = one.text
    if not apart and len(text) > 1 and text[0] == " ":
        return Token(text[1:], one.id, special=False, starts_word=True)
    return Token(text, one.id, special=False, starts_word=apart or text[:1].isspace())


def least_certain_page(
    candidates: Sequence[Alternative],
    chosen: int,
    sampling: Sampling,
    place: int,
    *,
    name: str = "",
    apart: bool = False,
) -> Page:
    """Show what temperature and top_p did to the probabilities at one position of a written text.

    Args:
        candidates: the likeliest, in order; last the written token, if it is not one of them.
        chosen: which of them was written.
        place: of the token in the text, from 0.
        name: of the text.
        apart: as that of its `WrittenToken`.
    """
    names = [_following(one, apart) for one in candidates]
    said: list[Text] = [(one, " (written)") if index == chosen else one for index, one in enumerate(names)]
    before, after = [one.probability for one in candidates], [one.after for one in candidates]
    which = f"{place + 1}{_of(name)}"
    where = f"Token {which}, where the model was least sure of what it wrote."
    if sampling.greedy:
        picture = Bars(f"What could be token {which}", tuple(said), tuple(before))
        return page(
            "unlikelier" if chosen else "likeliest", where, shares_table(said, before, "token"), picture=picture
        )
    numbers = table(
        column("before", before, Form.PERCENT),
        column("after", (value if value > 0 else "cut off" for value in after), Form.PERCENT),
        column("token", said),
    )
    title = f"Token {which}: temperature {sampling.temperature:g}, top_p {sampling.top_p:g}"
    drawn = Reshaped(title, tuple(names), tuple(before), tuple(after), chosen)
    return page("drawn", (where, *_did(sampling, before[chosen], after[chosen])), numbers, picture=drawn)


def _did(sampling: Sampling, before: float, after: float) -> Iterator[Text]:
    """Say what the options did to the written token's probability."""
    yield f" Temperature {sampling.temperature:g} and top_p {sampling.top_p:g} "
    # Whether both look alike: only 0 is written 0.0%, and only 1 is written 100.0%.
    if (round(100 * before, 1), before > 0, before < 1) == (round(100 * after, 1), after > 0, after < 1):
        yield "left its ", Number(before, Form.PERCENT), " as it was."
    else:
        yield "turned its ", Number(before, Form.PERCENT), " into ", Number(after, Form.PERCENT), "."
    if not after:
        yield f" {AT_THE_BORDER}"
