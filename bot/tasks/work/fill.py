"""How an answer to `/fill` came about. Nothing is drawn at random, so what was written plays no part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks import fill
from bot.tasks.fill import Distributions, FillRequest
from bot.tasks.prompts import cloze
from bot.tasks.prompts.cloze import WeighedMask
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import (
    Candidate,
    Decision,
    MaskCandidates,
    Piece,
    Prepared,
    RescoredCandidate,
    RescoredCandidates,
    Work,
)
from bot.tasks.work.reading import hidden_states, states_of, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import in_brackets, number

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.masked_lm import MaskedLM

CANDIDATES = fill.MOST_GUESSES
"""How many tokens are shown for each mask: as many as anybody can ask for."""

_NAMES = ("before the mask", "question")
"""What a causal language model reads for each mask."""


def explain_distributions(head: MaskedLM, request: FillRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a masked language model."""
    made = yield from fill.distributions(head, request, alone=True)
    reading = head.reading(made.inputs.ids, type_ids=made.inputs.type_ids, positions=made.positions)
    [observed] = yield from head.observe([reading])
    assert observed.logits is not None  # because positions were asked for
    masks = list(_candidates(head, made, observed.logits))
    return Work(
        "fill",
        (
            Prepared(
                (head.mask_token.join(request.parts),),
                f"Each mask is written as this model knows it: {head.mask_token}",
            ),
            tokens_read(head, [made.inputs.ids], truncated="the end of the text" if made.inputs.truncated else None),
            architecture(head),
            *states_of(observed),
            *masks,
            *_decisions(
                [
                    (fill.word_of(head.decode([best.id])), best.probability)
                    for best in (mask.candidates[0] for mask in masks)
                ]
            ),
        ),
    )


def _candidates(head: MaskedLM, made: Distributions, logits: npt.NDArray[np.float32]) -> Iterator[MaskCandidates]:
    """The likeliest words at each mask, and what was left out.

    Args:
        logits: over the vocabulary at each mask, (masks, vocabulary).
    """
    found = zip(made.positions, made.likeliest(CANDIDATES), made.left_out(CANDIDATES), strict=True)
    for index, (position, words, others) in enumerate(found):
        candidates, left_out = (
            tuple(
                Candidate(token.text, token.id, float(logits[index, token.id]), float(probability))
                for token, probability in zip(head.tokens(ids), made.probabilities[index, ids], strict=True)
            )
            for ids in (words, others)
        )
        yield MaskCandidates(index + 1, position, candidates, left_out)


def explain_rescoring(head: CausalLM, request: FillRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a causal language model: mask by mask, because each is filled before the next."""
    masks = yield from cloze.weighed_masks(head, request.parts, alone=True)
    read = [[head.encode(mask.left), head.encode(mask.question)] for mask in masks]
    states = yield from hidden_states(head, head.reading(read[0][0]), _NAMES[0])
    model: tuple[Piece, ...] = (architecture(head), *states)
    pieces: list[Piece] = []
    for place, (mask, rows) in enumerate(zip(masks, read, strict=True), start=1):
        truncated = "a part of the text around the mask" if mask.truncated else None
        pieces += [
            _prepared(mask, place),
            tokens_read(head, rows, _NAMES, truncated=truncated, left=True),
            *(model if place == 1 else ()),
            _rescored(mask, place),
        ]
    best = [mask.proposals[0] for mask in masks]
    return Work("fill", (*pieces, *_decisions([(one.word, one.probability) for one in best])))


def _prepared(mask: WeighedMask, place: int) -> Prepared:
    how = (
        "A language model reads from left to right, and cannot see what stands after the mask. It reads what stands "
        "before it, behind two plain sentences that set it going, and a question that shows what stands after it."
    )
    return Prepared((mask.left, mask.question), how if place == 1 else "The masks before this one have been filled in.")


def _rescored(mask: WeighedMask, place: int) -> RescoredCandidates:
    return RescoredCandidates(
        mask=place,
        how=_formula(mask),
        candidates=tuple(
            RescoredCandidate(one.word, one.sentence, one.probability, one.as_answer) for one in mask.proposals
        ),
    )


def _formula(mask: WeighedMask) -> str:
    best = mask.proposals[0]
    weight = cloze.CLOZE_WEIGHT
    score = best.sentence + weight * best.as_answer
    return (
        f"Proposed are the {cloze.FROM_LEFT} likeliest words after what stands before the mask, and the "
        f"{cloze.FROM_CLOZE} likeliest answers to the question: {len(mask.proposals)} different ones. A word's "
        "score is the log-probability of the word and all that follows it, plus "
        f"{weight:g} times its log-probability as the answer. For {best.word}: {number(best.sentence)} + {weight:g} × "
        f"{in_brackets(best.as_answer)} = {number(score)}. Softmax over the scores of all proposed words makes it "
        f"{number(best.probability)}."
    )


def _decisions(best: Sequence[tuple[str, float]]) -> Iterator[Decision]:
    """The likeliest word of each mask, with its probability."""
    for place, (word, probability) in enumerate(best, start=1):
        mask = "the mask" if len(best) == 1 else f"mask {place}"
        yield Decision(f"The likeliest word is put into {mask}: {word}.", word, probability)


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.MASKED_LM: explain_distributions,
    HeadKind.CAUSAL_LM: explain_rescoring,
}
