"""Texts that a model wrote, read again by teacher forcing: one pass gives the probability of each token."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bot.errors import InvalidRequest
from bot.inference.operations import Row, TaskRun
from bot.locales.message import later
from bot.tasks.work.blocks import Page
from bot.tasks.work.following import as_they_follow, is_gap
from bot.tasks.work.layers import layer_pages
from bot.tasks.work.reading import END_OF_TEXT, Truncated, hidden_pages, model_page, numbered, read_page
from bot.tasks.work.texts import Form, Number, Sentence, Text, Words, general, grouped, spaced
from bot.tasks.work.wording import later, sentence
from bot.tasks.work.written_pages import Alternative, WrittenToken, least_certain_page, written_pages

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.generation.token_logprobs import ForcedText, TokenLogProbs
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

ALTERNATIVES = 5
"""Other tokens that are named for each position."""
SHOWN = 10
"""Tokens in a picture of a distribution."""
WRITTEN_BY_ANOTHER = later(
    "The model that is set for this command now is not the one that wrote this answer, so I cannot read the "
    "answer again. Please ask again, and open the new answer."
)
MOST_BY_ROUNDING = 0.5
"""Between the log-probabilities of two tokens that rounding may put in either order: two steps of a logit from 32 to
64 in bfloat16."""

PagesAndSentence: TypeAlias = tuple[tuple[Page, ...], Text]
"""Pages, and a summary of their numbers for the page of the decision."""


def continuations(
    head: CausalLM,
    prompt: Sequence[int],
    written: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    truncated: Truncated | None = None,
    name: Words = "",
    stop: str | None = None,
    can_branch: bool = False,
) -> TaskRun[PagesAndSentence]:
    """Show the way from the tokens of a prompt to those that a causal language model generated.

    Args:
        prompt: token ids, as they were read.
        written: ids of each text, with the token that ended it if one did; at least one text of at least one.
        truncated: says which part of the prompt was left out; None for none.
        name: of a single text.
        stop: stop sequence; None for none.
        can_branch: the texts can go on from another token; they are the texts of an answer, in order.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.token_logprobs import ForcedText

    read = read_page(head, [prompt], truncated=truncated, texts=len(written))
    texts = [ForcedText(tuple(prompt), tuple(ids), sampling, keeps_logits=True) for ids in written]
    check(head, texts)  # before the device sees them
    states = yield from hidden_pages(head, head.reading(prompt))
    found = yield from head.token_log_probs([text.row for text in texts])
    names = [name] if len(texts) == 1 else numbered("text", len(texts))
    pages, certainty = token_pages(head, texts, found, names, stop=stop, can_branch=can_branch)
    layers = () if name else (yield from least_by_layer(head, texts, found, names))  # a part of a text has a name
    return (read, model_page(head), *states, *pages, *layers), certainty


def rewriting(
    head: Seq2SeqLM,
    rows: Sequence[Row[SourceText]],
    written: Sequence[Sequence[int]],
    *,
    noun: str = "",
    name: Words = "",
) -> TaskRun[PagesAndSentence]:
    """Show the way from an encoder's tokens to those of its decoder. Hidden states are the first text's.

    Args:
        rows: of the operation `rewrite`, at least one.
        written: token ids of each, with the one that ended the text if one did; at least one.
        noun: names the texts if there are several.
        name: of a single one.

    Raises:
        InvalidRequest: this checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    sources = [row.inputs for row in rows]
    texts = [
        ForcedText(source.start, tuple(ids), Sampling.likeliest(), source.ids, keeps_logits=True)
        for source, ids in zip(sources, written, strict=True)
    ]
    check(head, texts)
    names = numbered(noun, len(texts)) if len(texts) > 1 else ()
    reading = head.reading(sources[0].ids, decoder_ids=texts[0].read)
    states = yield from hidden_pages(head, reading, names[0] if names else "")
    found = yield from head.token_log_probs([text.row for text in texts])
    lengths, rules = (len(sources[0].ids), len(texts[0].read)), sentence("written.rules")
    pages, certainty = token_pages(head, texts, found, names or [name], elsewhere=rules, lengths=lengths)
    cut = END_OF_TEXT if any(source.truncated for source in sources) else None
    read = read_page(head, [source.ids for source in sources], names, truncated=cut)
    layers = () if name else (yield from least_by_layer(head, texts, found, names or [name]))
    return (read, model_page(head), *states, *pages, *layers), certainty


def check(head: CausalLM | Seq2SeqLM, texts: Iterable[ForcedText]) -> None:
    """Raise `InvalidRequest` if this checkpoint cannot have written texts."""
    config = head.model.config
    longest = getattr(config, "max_position_embeddings", None) if config.is_encoder_decoder else head.context_length
    for text in texts:
        check_vocabulary(head, text.written)
        if not text.written or (longest is not None and len(text.read) > longest):
            raise InvalidRequest(WRITTEN_BY_ANOTHER)


def check_vocabulary(head: CausalLM | Seq2SeqLM, ids: Iterable[int]) -> None:
    """Raise `InvalidRequest` if this checkpoint does not know a token."""
    size = vocabulary(head)
    # On a GPU, an index outside of the embeddings ends the process.
    if not all(0 <= token < size for token in ids):
        raise InvalidRequest(WRITTEN_BY_ANOTHER)


def vocabulary(head: CausalLM | Seq2SeqLM) -> int:
    """Return the number of tokens that the model has a logit for."""
    return int(head.model.config.get_text_config().vocab_size)


def token_pages(
    head: CausalLM | Seq2SeqLM,
    texts: Sequence[ForcedText],
    found: Sequence[TokenLogProbs],
    names: Sequence[Words] = ("",),
    *,
    elsewhere: Sentence | None = None,
    stop: str | None = None,
    lengths: tuple[int, int] | None = None,
    can_branch: bool = False,
) -> PagesAndSentence:
    """Show how each text was written, and last the least likely token of all.

    Args:
        texts: at least one; all were drawn in the same way.
        names: of each; "" for a single one.
        elsewhere: a sentence on the tokens that were not the likeliest although none was drawn.
        stop: stop sequence; None for none.
        lengths: of the first text, the tokens that an encoder has read and a decoder written.
        can_branch: they can go on from another token.
    """
    pages: list[Page] = []
    for number, (text, one, name) in enumerate(zip(texts, found, names, strict=True)):
        is_ended = text.written[-1] in head.end_ids or (stop is not None and stop in head.decode(text.written))
        tokens = _written(head, text, one)
        # An encoder's and a decoder's lengths are explained once.
        pages += written_pages(
            tokens,
            text.sampling,
            name,
            ended=is_ended,
            lengths=None if pages else lengths,
            text=number if can_branch else None,
        )
    index = _with_least_likely(found)
    least = _least_certain(head, texts[index], found[index], names[index])
    return (*pages, least), spaced(*_certainty(head, texts, found, elsewhere))


def least_by_layer(
    head: CausalLM | Seq2SeqLM, texts: Sequence[ForcedText], found: Sequence[TokenLogProbs], names: Sequence[Words]
) -> TaskRun[tuple[Page, ...]]:
    """Show the least likely token of all texts layer by layer, against the likeliest other one."""
    from bot.inference.heads.inspection.layer_lens import LensReading

    chosen = _with_least_likely(found)
    text, index = texts[chosen], int(found[chosen].log_probs.argmin())
    token = text.written[index]
    read = text.read[: len(text.prompt) + index]
    reading = head.reading(text.source, decoder_ids=read) if text.source else head.reading(read)
    where = partial(sentence, "layers.of-token", place=index + 1)
    if names[chosen]:
        where = partial(sentence, "layers.of-token-of-text", place=index + 1, text=names[chosen])
    return (yield from layer_pages(head, LensReading(reading.inputs, -1, token), where, behind=names[chosen]))


def _with_least_likely(found: Sequence[TokenLogProbs]) -> int:
    """Return the index of the text with the least likely token of all."""
    return min(range(len(found)), key=lambda one: found[one].log_probs.min())


def _written(head: CausalLM | Seq2SeqLM, text: ForcedText, found: TokenLogProbs) -> list[WrittenToken]:
    # The token before the first one shows if that begins a word.
    before, *tokens = head.tokens([text.prompt[-1], *text.written])
    texts = as_they_follow(head, found.top.flatten().tolist())
    return [
        WrittenToken(
            token,
            probability=math.exp(float(found.log_probs[index])),
            drawn_with=1.0 if text.sampling.greedy else float(found.drawn_with[index]),
            alternatives=_others(found, index, token.id, texts),
            nucleus=int(found.nucleus[index]),
            apart=is_gap(previous),
            bits=float(found.entropy[index]),
        )
        for index, (previous, token) in enumerate(zip([before, *tokens], tokens, strict=False))
    ]


def _others(found: TokenLogProbs, index: int, token: int, texts: dict[int, str]) -> tuple[Alternative, ...]:
    top = zip(found.top[index].tolist(), found.top_log_probs[index].tolist(), strict=True)
    others = [Alternative(texts[one], one, math.exp(value)) for one, value in top if one != token]
    return tuple(others[:ALTERNATIVES])


def _least_certain(head: CausalLM | Seq2SeqLM, text: ForcedText, found: TokenLogProbs, name: Words) -> Page:
    index = int(found.log_probs.argmin())
    token, top = text.written[index], found.top[index].tolist()
    before = dict(zip(top, found.top_log_probs[index].tolist(), strict=True))
    after = dict(zip(top, found.top_drawn_with[index].tolist(), strict=True))
    before[token], after[token] = float(found.log_probs[index]), float(found.drawn_with[index])
    shown = list(before)[:SHOWN]
    if token not in shown:
        shown[-1] = token  # however unlikely it was
    texts = as_they_follow(head, shown)
    candidates = [Alternative(texts[one], one, math.exp(before[one]), after[one]) for one in shown]
    [previous] = head.tokens([[text.prompt[-1], *text.written][index]])
    shown_as = partial(least_certain_page, candidates, shown.index(token), text.sampling, index, name=name)
    return shown_as(apart=is_gap(previous), logits=found.least_logits)


def _certainty(
    head: CausalLM | Seq2SeqLM, texts: Sequence[ForcedText], found: Sequence[TokenLogProbs], elsewhere: Sentence | None
) -> Iterator[Sentence]:
    """Yield sentences on how likely the tokens were."""
    options = texts[0].sampling
    if not options.greedy:
        nucleus = float(np.concatenate([one.nucleus for one in found]).mean())
        yield sentence(
            "written.nucleus",
            vocabulary=grouped(vocabulary(head)),
            temperature=general(options.temperature),
            top_p=general(options.top_p),
            left=grouped(round(nucleus)) if nucleus >= 10 else Number(nucleus, Form.ONE),
        )
    total = sum(len(text.written) for text in texts)
    likeliest = sum(int((one.log_probs >= one.top_log_probs[:, 0]).sum()) for one in found)
    yield later("The likeliest token was taken at {likeliest} of {total} places.", likeliest=likeliest, total=total)
    is_close = all(float((one.top_log_probs[:, 0] - one.log_probs).max()) < MOST_BY_ROUNDING for one in found)
    if likeliest < total and (elsewhere or (options.greedy and is_close)):
        yield elsewhere or sentence("written.rounding")
    mean = float(np.concatenate([np.exp(one.log_probs) for one in found]).mean())
    yield sentence("written.mean", mean=Number(100 * mean, Form.ONE))
    index = int(np.argmax([one.entropy.max() for one in found]))
    place, bits = int(found[index].entropy.argmax()), float(found[index].entropy.max())
    facts: dict[str, Text] = {"place": place + 1, "bits": Number(bits, Form.TWO)}
    facts["among"] = grouped(max(round(2**bits), 1))
    if len(found) > 1:
        text = sentence("names.numbered", "text", number=index + 1)
        yield sentence("written.least-sure-of-text", text=text, **facts)
    else:
        yield sentence("written.least-sure", **facts)
