"""How an answer to `/fill` came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks import fill
from bot.tasks.fill import Distributions, FillRequest
from bot.tasks.prompts import cloze
from bot.tasks.prompts.cloze import WeighedMask
from bot.tasks.work.blocks import Bars, Block, Explanation, Page, column, table
from bot.tasks.work.layers import layer_pages
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.reading import END_OF_TEXT, hidden_page, hidden_pages, model_page, read_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.temperatures import at_temperatures
from bot.tasks.work.texts import Form, Number, Sentence, general, lone
from bot.tasks.work.wording import in_brackets, later, listed, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.masked_lm import MaskedLM

CANDIDATES = fill.MOST_GUESSES
"""How many tokens are shown for each mask: as many as anybody can ask for."""
MOST_LEFT_OUT = 5

ROW_NAMES = (later("before the mask"), later("question"))
"""A causal language model reads two texts for each mask."""


def explain_distributions(head: MaskedLM, request: FillRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a masked language model."""
    made = yield from fill.distributions(head, request, alone=True)
    reading = head.reading(made.inputs.ids, type_ids=made.inputs.type_ids, positions=made.positions)
    [observed] = yield from head.observe([reading])
    assert observed.logits is not None  # because positions were asked for
    best = [(ids[0], float(probs[ids[0]])) for ids, probs in zip(made.likeliest(1), made.probabilities, strict=True)]
    layers = yield from _layers(head, made)
    return explanation(
        text_page(sentence("fill.mask", token=head.mask_token), head.mask_token.join(request.parts)),
        read_page(head, [made.inputs.ids], truncated=END_OF_TEXT if made.inputs.truncated else None),
        model_page(head),
        *map(hidden_page, observed.stacks),
        *_mask_pages(head, made, observed.logits),
        *layers,
        decision_page(*_decisions([(fill.word_of(head.decode([one])), probability) for one, probability in best])),
    )


def _layers(head: MaskedLM, made: Distributions) -> TaskRun[tuple[Page, ...]]:
    """Show the first mask layer by layer: its likeliest word against the next one."""
    from bot.inference.heads.inspection.layer_lens import LensReading

    reading = head.reading(made.inputs.ids, type_ids=made.inputs.type_ids).inputs
    words = made.likeliest(2)[0]
    if len(words) < 2:
        return ()
    one_mask = partial(sentence, "layers.of-mask")
    where = partial(sentence, "layers.of-numbered-mask", number=1) if len(made.positions) > 1 else one_mask
    return (yield from layer_pages(head, LensReading(reading, made.positions[0], *words), where))


def _mask_pages(head: MaskedLM, made: Distributions, logits: npt.NDArray[np.float32]) -> Iterator[Page]:
    """Show the likeliest words at each mask, and the tokens that were left out; logits are (masks, vocabulary)."""
    found = zip(made.positions, made.likeliest(CANDIDATES), made.left_out(CANDIDATES), strict=True)
    for index, (position, words, others) in enumerate(found):
        yield mask_page(
            index + 1,
            position,
            head.tokens(words),
            logits[index, words].tolist(),
            made.probabilities[index, words].tolist(),
            list(zip(head.tokens(others), made.probabilities[index, others].tolist(), strict=True)),
            logits[index],
        )


def mask_page(
    mask: int,
    position: int,
    tokens: Sequence[Token],
    logits: Sequence[float],
    probabilities: Sequence[float],
    left_out: Sequence[tuple[Token, float]] = (),
    every: npt.NDArray[np.float32] | None = None,
) -> Page:
    """Show the likeliest tokens at a mask that are words.

    Args:
        mask: counted from 1.
        position: of the mask among the tokens, from 0.
        left_out: tokens that are likelier than the last word but aren't words, with their probabilities.
        every: the logits of the whole vocabulary, for other temperatures.
    """
    words = tuple(map(lone, tokens))
    numbers = table(
        column(later("logit"), logits, Form.TWO),
        column("p", probabilities, Form.PERCENT),
        column("id", (token.id for token in tokens)),
        column(later("token"), words),
    )
    where = sentence("fill.place", mask=mask, position=position)
    picture = Bars(later("Mask"), words, tuple(probabilities))
    made = page(
        "mask",
        where,
        numbers,
        *_left_out(left_out),
        picture=picture,
        before=sentence("fill.numbered-mask", number=mask),
    )
    if every is None:
        return made
    shown = [token.id for token in tokens]
    return replace(made, variants=at_temperatures(every, shown, words, 0, sentence("fill.numbered-mask", number=mask)))


def _left_out(tokens: Sequence[tuple[Token, float]]) -> Iterator[Sentence]:
    """Name the tokens that are likelier than the last word but aren't words."""
    if not tokens:
        return
    shown = tokens[:MOST_LEFT_OUT]
    named = listed([(lone(token), f" (id {token.id}) ", Number(share, Form.PERCENT)) for token, share in shown])
    if further := len(tokens) - len(shown):
        yield sentence("fill.left-out-of-more", tokens=named, further=further)
    else:
        yield sentence("fill.left-out", tokens=named)


def explain_rescoring(head: CausalLM, request: FillRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model: mask by mask, because each is filled before the next."""
    masks = yield from cloze.weighed_masks(head, request.parts, alone=True)
    read = [[head.encode(mask.left), head.encode(mask.question)] for mask in masks]
    # The first row's hidden states stand for all.
    states = yield from hidden_pages(head, head.reading(read[0][0]), ROW_NAMES[0])
    pages: list[Page] = []
    for number, (mask, rows) in enumerate(zip(masks, read, strict=True), start=1):
        truncated = partial(sentence, "reading.around-mask") if mask.truncated else None
        pages += [
            text_page(sentence("fill.first-mask" if number == 1 else "fill.later-mask"), mask.left, mask.question),
            read_page(head, rows, ROW_NAMES, truncated=truncated),
            *((model_page(head), *states) if number == 1 else ()),
            rescored_page(number, mask),
        ]
    best = [mask.proposals[0] for mask in masks]
    return explanation(*pages, decision_page(*_decisions([(one.word, one.probability) for one in best])))


def rescored_page(number: int, mask: WeighedMask) -> Page:
    """Show which words were proposed for a mask, and how likely the sentence became with each."""
    words, shares = [one.word for one in mask.proposals], [one.probability for one in mask.proposals]
    answers = [one.as_answer for one in mask.proposals]
    numbers = table(
        column("log p", (one.sentence for one in mask.proposals), Form.TWO),
        *(
            [  # Translators: the log-probability as an answer to a question; the title of a narrow column.
                column(later("asked"), answers, Form.TWO)
            ]
            if any(answers)
            else []
        ),
        column(later("share"), shares, Form.PERCENT),
        column(later("word"), words),
    )
    picture = Bars(later("Candidates"), tuple(words), tuple(shares))
    return page(
        "rescored", _formula(mask), numbers, picture=picture, before=sentence("fill.numbered-mask", number=number)
    )


def _formula(mask: WeighedMask) -> Sentence:
    best = mask.proposals[0]
    return sentence(
        "fill.proposed",
        left=cloze.FROM_LEFT,
        cloze=cloze.FROM_CLOZE,
        weight=general(cloze.CLOZE_WEIGHT),
        proposals=len(mask.proposals),
        word=best.word,
        log_p=best.sentence,
        as_answer=in_brackets(best.as_answer),
        score=best.sentence + cloze.CLOZE_WEIGHT * best.as_answer,
        probability=best.probability,
    )


def _decisions(best: Sequence[tuple[str, float]]) -> Iterator[Block]:
    """Say the likeliest word of each mask, with its probability."""
    for number, (word, probability) in enumerate(best, start=1):
        if len(best) == 1:
            said = sentence("fill.put-in", word=word)
        else:
            said = sentence("fill.put-into", number=number, word=word)
        yield from decided(said, word, probability)
