"""Texts that a model wrote, with what it thought at each place. For every task whose answer is a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import InvalidRequest
from bot.inference.operations import Row, TaskRun
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import (
    Candidate,
    Decision,
    Distribution,
    Lengths,
    Piece,
    Reshaped,
    Written,
    WrittenToken,
)
from bot.tasks.work.reading import hidden_states, tokens_read

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.generation.token_logprobs import ForcedText, TokenLogProbs
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM
    from bot.inference.tokenization.tokens import Token

ALTERNATIVES = 5
"""Other tokens that are named for each place."""
SHOWN = 10
"""Tokens in a picture of a distribution."""
WRITTEN_BY_ANOTHER = (
    "The model that is set for this command now is not the one that wrote this answer, so I cannot read the answer "
    "again. Please ask again, and open the new answer."
)
_RULES = (
    "Elsewhere the checkpoint's own rules decided: some compare whole texts (beam search), or keep a model from some "
    "tokens."
)
MOST_BY_ROUNDING = 0.5
"""Between the log-probabilities of two tokens that rounding may put in either order: two steps of a logit from 32 to
64 in bfloat16."""
_ROUNDED = (
    "Elsewhere others were about as likely, and rounding decided: it differs between writing a text token by token and "
    "reading it at once."
)


def continuations(
    head: CausalLM,
    prompt: Sequence[int],
    written: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    truncated: str | None = None,
) -> TaskRun[tuple[Piece, ...]]:
    """From the tokens of a prompt to those that a causal language model wrote after it.

    Args:
        prompt: token ids, as they were read.
        written: ids of each text, the token that ended it included if one did; at least one text of at least one.
        sampling: how they were drawn.
        truncated: what of the prompt was left out, such as "the start of the prompt"; None where nothing was.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.token_logprobs import ForcedText

    number = len(written)
    read = tokens_read(head, [prompt], truncated=truncated)
    if number > 1:
        note = f"{read.note} The batch has a row for each of the {number} texts, with the same prompt.".strip()
        read = replace(read, shape=(number, len(prompt)), note=note)
    texts = [ForcedText(tuple(prompt), tuple(ids), sampling) for ids in written]
    check(head, texts)
    states = yield from hidden_states(head, head.reading(prompt))
    found = yield from read_again(head, texts, numbered("text", number))
    return (read, architecture(head), *states, *found)


def rewriting(head: Seq2SeqLM, row: Row[SourceText], written: Sequence[int]) -> TaskRun[tuple[Piece, ...]]:
    """From the tokens that an encoder read to those that its decoder wrote.

    Args:
        row: the one for `rewrite`.
        written: token ids, with the one that ended the text if one did; at least one.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    return (yield from rewriting_several(head, [row], [written], ""))


def rewriting_several(
    head: Seq2SeqLM, rows: Sequence[Row[SourceText]], written: Sequence[Sequence[int]], noun: str
) -> TaskRun[tuple[Piece, ...]]:
    """The same of texts that were written at the same time. Hidden states are those of the first one.

    Args:
        rows: those for `rewrite`, at least one.
        written: the token ids of each.
        noun: what one is called where there are several.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    sources = [row.inputs for row in rows]
    texts = [
        ForcedText(source.start, tuple(ids), Sampling.likeliest(), source.ids)
        for source, ids in zip(sources, written, strict=True)
    ]
    check(head, texts)
    names = numbered(noun, len(texts))
    several = names if len(names) > 1 else ()
    states = yield from hidden_states(head, head.reading(sources[0].ids, decoder_ids=texts[0].read), names[0])
    found = yield from read_again(head, texts, names, elsewhere=_RULES)
    cut = "the end of the text" if any(source.truncated for source in sources) else None
    return (
        tokens_read(head, [source.ids for source in sources], several, truncated=cut),
        architecture(head),
        Lengths(encoder=len(sources[0].ids), decoder=len(texts[0].read)),
        *states,
        *found,
    )


def numbered(noun: str, number: int) -> tuple[str, ...]:
    """`text 1`, `text 2`; a single one needs no name."""
    return ("",) if number == 1 else tuple(f"{noun} {place}" for place in range(1, number + 1))


def check(head: CausalLM | Seq2SeqLM, texts: Iterable[ForcedText]) -> None:
    """Raise `InvalidRequest` where this checkpoint cannot have written texts: another one has, or somebody has changed
    what is kept of the answer. A device may not survive ids that are in no vocabulary."""
    config = head.model.config
    longest = getattr(config, "max_position_embeddings", None) if config.is_encoder_decoder else head.context_length
    for text in texts:
        check_vocabulary(head, text.written)
        if not text.written or (longest is not None and len(text.read) > longest):
            raise InvalidRequest(WRITTEN_BY_ANOTHER)


def check_vocabulary(head: CausalLM | Seq2SeqLM, ids: Iterable[int]) -> None:
    """Raise `InvalidRequest` where this checkpoint does not know a token."""
    size = vocabulary(head)
    if not all(0 <= token < size for token in ids):
        raise InvalidRequest(WRITTEN_BY_ANOTHER)


def vocabulary(head: CausalLM | Seq2SeqLM) -> int:
    """Tokens that the model has a logit for."""
    return int(head.model.config.get_text_config().vocab_size)


def read_again(
    head: CausalLM | Seq2SeqLM, texts: Sequence[ForcedText], names: Sequence[str] = ("",), elsewhere: str = ""
) -> TaskRun[tuple[Piece, ...]]:
    """`seen` of texts, after they were read again.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    check(head, texts)
    found = yield from head.token_log_probs([text.row for text in texts])
    return seen(head, texts, found, names, elsewhere)


def seen(
    head: CausalLM | Seq2SeqLM,
    texts: Sequence[ForcedText],
    found: Sequence[TokenLogProbs],
    names: Sequence[str] = ("",),
    elsewhere: str = "",
) -> tuple[Piece, ...]:
    """A `Written` for each text, the `Distribution` at the least certain place of all, and the `Decision`.

    Args:
        texts: at least one; all were drawn in the same way.
        found: what was found in each.
        names: of each; "" where there is one.
        elsewhere: a sentence on what happened where not the likeliest token was taken though none was drawn.
    """
    written = [_written(head, *one) for one in zip(texts, found, names, strict=True)]
    index = min(range(len(texts)), key=lambda one: found[one].log_probs.min())
    distribution = _distribution(head, texts[index], found[index], names[index])
    return (*written, distribution, Decision(_sentence(head, texts, found, elsewhere)))


def _written(head: CausalLM | Seq2SeqLM, text: ForcedText, found: TokenLogProbs, name: str) -> Written:

    # Whether the first one begins a word is seen behind the token before it.
    before, *tokens = head.tokens([text.prompt[-1], *text.written])
    texts = _as_they_follow(head, found.top.flatten().tolist())
    read = tuple(
        WrittenToken(
            token,
            probability=math.exp(float(found.log_probs[place])),
            drawn_with=1.0 if text.sampling.greedy else float(found.drawn_with[place]),
            alternatives=_others(found, place, token.id, texts),
            nucleus=int(found.nucleus[place]),
            apart=_is_gap(previous),
        )
        for place, (previous, token) in enumerate(zip([before, *tokens], tokens, strict=False))
    )
    ended = text.written[-1] in head.end_ids
    return Written(name, read, text.sampling.temperature, text.sampling.top_p, ended)


def _others(found: TokenLogProbs, place: int, token: int, texts: dict[int, str]) -> tuple[Candidate, ...]:
    ranks = [rank for rank, other in enumerate(found.top[place]) if other != token][:ALTERNATIVES]
    return tuple(
        Candidate(
            texts[int(found.top[place, rank])],
            int(found.top[place, rank]),
            float(found.top_logits[place, rank]),
            math.exp(float(found.top_log_probs[place, rank])),
        )
        for rank in ranks
    )


def _distribution(head: CausalLM | Seq2SeqLM, text: ForcedText, found: TokenLogProbs, name: str) -> Distribution:
    """At the place whose token was the least likely."""
    place = int(found.log_probs.argmin())
    token = text.written[place]
    before = {int(one): float(value) for one, value in zip(found.top[place], found.top_log_probs[place], strict=True)}
    after = {int(one): float(value) for one, value in zip(found.top[place], found.top_drawn_with[place], strict=True)}
    before[token], after[token] = float(found.log_probs[place]), float(found.drawn_with[place])
    shown = list(before)[:SHOWN]
    if token not in shown:
        shown[-1] = token
    texts = _as_they_follow(head, shown)
    candidates = tuple(Reshaped(texts[one], one, math.exp(before[one]), after[one]) for one in shown)
    options = text.sampling
    [previous] = head.tokens([[text.prompt[-1], *text.written][place]])
    return Distribution(
        name, place, candidates, shown.index(token), options.temperature, options.top_p, _is_gap(previous)
    )


def _is_gap(token: Token) -> bool:
    """Whether the token behind this one cannot continue a word."""
    return token.special or token.text[-1:].isspace()


def _as_they_follow(head: CausalLM | Seq2SeqLM, ids: Iterable[int]) -> dict[int, str]:
    """Each token as it would follow in a text: with a space before it where it begins a word."""
    distinct = list(dict.fromkeys(ids))
    alone = head.tokens(distinct)
    ordinary = next((token.id for token in alone if not _is_gap(token)), None)
    if ordinary is None:
        return {token.id: token.text for token in alone}
    behind = head.tokens([one for token in distinct for one in (ordinary, token)])[1::2]
    spaced = {token.id for token in behind if token.starts_word and not token.special and not token.text[:1].isspace()}
    return {token.id: f" {token.text}" if token.id in spaced else token.text for token in behind}


def _is_close(found: Sequence[TokenLogProbs]) -> bool:
    """Whether each token that was taken is about as likely as the likeliest."""
    return all(float((one.top_log_probs[:, 0] - one.log_probs).max()) < MOST_BY_ROUNDING for one in found)


def _sentence(
    head: CausalLM | Seq2SeqLM, texts: Sequence[ForcedText], found: Sequence[TokenLogProbs], elsewhere: str
) -> str:
    options = texts[0].sampling
    places = sum(len(text.written) for text in texts)
    likeliest = sum(int((one.log_probs >= one.top_log_probs[:, 0]).sum()) for one in found)
    taken = f"The likeliest token was taken at {likeliest} of {places} places."
    if likeliest < places and (elsewhere or (options.greedy and _is_close(found))):
        taken = f"{taken} {elsewhere or _ROUNDED}"
    mean = float(np.concatenate([np.exp(one.log_probs) for one in found]).mean())
    certain = f"On average the model gave the token that was taken a probability of {100 * mean:.1f} %."
    if options.greedy:
        return f"{taken} {certain}"
    nucleus = float(np.concatenate([one.nucleus for one in found]).mean())
    left = f"{nucleus:,.0f}" if nucleus >= 10 else f"{nucleus:.1f}"
    known = f"Of {vocabulary(head):,} tokens, temperature {options.temperature:g} and top_p {options.top_p:g}"
    return f"{known} left {left} to draw from on average. {taken} {certain}"
