"""Which tokens of a text spoke for an answer: integrated gradients, or Shapley values if those take too long.

The scores sum to what the text changes in the number that is explained, measured from a baseline that says nothing.
An explanation only postpones an attribution; `attributed` computes it when somebody opens its page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import (
    Explanation,
    Form,
    Number,
    Page,
    Postponed,
    PostponedFlip,
    PostponedGradients,
    PostponedWriting,
    Scores,
    column,
    table,
)
from bot.tasks.work.pages import page
from bot.tasks.work.shapley import ordered_scores
from bot.tasks.work.word_evidence import computed_pages, postponed_pages
from bot.tasks.work.wording import sentence
from bot.tasks.work.writing_evidence import writing_page

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.integrated_gradients import StretchScores
    from bot.inference.heads.inspection.stretches import Stretch
    from bot.inference.heads.sequence_classifier import SequenceClassifier

Evidence: TypeAlias = tuple[Page, ...]
"""One page, postponed or omitted; none if a text has no tokens."""

FEWEST_STEPS = 32
"""They usually suffice."""
MOST_STEPS = 128
"""Gradients that are taken in all, those of stretches that were divided afterwards included."""
MOST_READ = 4_096
"""Tokens times gradients: about 20 seconds on one thread for a model of 135 million parameters."""
LONGEST = MOST_READ // FEWEST_STEPS
"""Tokens that can be read for one gradient, with everything around the text. Of longer ones, words are left out."""
TOLERANCE = 0.05
"""Of the difference: the most that the scores' sum may miss it by."""
SMALLEST_TOLERANCE = 0.01
"""In logits: no more precision is asked for, however small the difference is."""
POINTS = 8
"""Gradients that are taken together."""
TOKENS_AT_ONCE = 512
"""Tokens whose gradients are taken together: it bounds memory, and the time for which nobody else gets the device."""


def label_attribution(
    head: SequenceClassifier, inputs: EncoderInput, label: int, name: str, index: int, pair: str | None = None
) -> Evidence:
    """Postpone how much each token of a text spoke for a label of a classification head.

    Args:
        label: the logit's id.
        name: of the label, for people.
        index: of the label among the command's.
        pair: the second text, if a pair was read; it stays as it is.
    """
    from bot.inference.heads.inspection.stretches import LabelLogit, Stretch

    positions = _positions_of_text(head, inputs.ids, pair)
    # Encoders were trained to read mask tokens as "any word".
    mask = head.tokenizer.mask_token_id
    blank = head.pad_token_id if mask is None else int(mask)
    baseline = "padding" if mask is None else "mask tokens"
    stretch = Stretch(inputs.ids, inputs.type_ids, _blanked(inputs.ids, positions, blank), LabelLogit(label))
    text = head.decode([inputs.ids[position] for position in positions])
    postponed = PostponedGradients(name, stretch, positions, baseline, f"the logit of {head.labels[label]}")
    return _evidence(postponed, index, text)


def _evidence(postponed: PostponedGradients, index: int, text: str) -> Evidence:
    if not postponed.positions:
        return ()
    tokens = postponed.path.tokens
    return (page("attribution", postponed),) if tokens <= LONGEST else postponed_pages(postponed.label, index, text)


def attribution_page(
    label: str, tokens: Sequence[Token], scores: Sequence[float], difference: float, method: str
) -> Page:
    """Show how much each token of a text spoke for a label.

    Args:
        label: positive scores speak for it.
        scores: one per token; they sum to about `difference`.
        difference: of the number that is explained, between the text and the baseline.
    """
    found, wanted = Number(sum(scores), Form.SIGNED_THREE), Number(difference, Form.SIGNED_THREE)
    total = ("The scores add up to ", found, "; the difference to explain is ", wanted, ".")
    ranked = sorted(zip(tokens, scores, strict=True), key=lambda pair: -abs(pair[1]))
    shown = table(
        column("score", (score for _, score in ranked), Form.SIGNED_THREE),
        column("token", (token for token, _ in ranked)),
    )
    picture = Scores(f"What spoke for {label}", label, tuple(tokens), tuple(scores), total)
    return page("attribution", (f"For {label}, by {method}. ", *total), shown, picture=picture)


def attributed(
    head: SequenceClassifier | CausalLM, found: Explanation, request: Request[Any], *, finer: bool
) -> TaskRun[Explanation]:
    """Compute the attributions that an explanation has postponed.

    Args:
        request: the one that is explained.
        finer: take as long as there is time for, rather than for a first picture.
    """
    from bot.inference.heads.causal_lm import CausalLM

    pages = list(found.pages)
    computed: list[Page] = []
    for index, one in enumerate(pages):
        if isinstance(one.postponed, PostponedFlip):  # a request of its own
            continue
        match one.postponed:
            case PostponedGradients() as postponed:  # only an encoder's
                assert not isinstance(head, CausalLM)
                computed = [(yield from attribution(head, postponed))]
            case PostponedWriting() as postponed:
                assert isinstance(head, CausalLM)
                computed = [(yield from writing_page(head, request, postponed, finer=finer))]
            case Postponed() as postponed if not computed:  # two pages of one table
                computed = yield from computed_pages(head, request, postponed, finer=finer)
        if one.postponed is not None:
            pages[index] = replace(computed.pop(0), name=one.name)  # it may be numbered
    return Explanation(tuple(pages))


def attribution(head: SequenceClassifier, postponed: PostponedGradients) -> TaskRun[Page]:
    """Compute a postponed attribution."""
    from bot.inference.heads.inspection.integrated_gradients import load_captum

    load_captum()
    read = head.tokens(postponed.path.ids)
    tokens = [read[position] for position in postponed.positions]
    integral = yield from _integrate(head, postponed.path)
    if integral.is_complete:
        scores = [float(integral.scores[position]) for position in postponed.positions]
        how = sentence("attribution.gradients", steps=integral.steps, postponed=postponed)
        return attribution_page(postponed.label, tokens, scores, integral.difference, how)
    # Shapley values are complete by themselves, however rough the path is.
    found = yield from ordered_scores(head, postponed.path, postponed.positions)
    how = sentence("attribution.shapley", orders=found.orders, postponed=postponed)
    return attribution_page(postponed.label, tokens, found.scores, found.difference, how)


@dataclass(frozen=True)
class _Integral:
    """The stretches that a path was divided into, each with its scores."""

    stretches: tuple[tuple[Stretch, StretchScores], ...]
    taken: int
    """Gradients so far, in all."""

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        total: npt.NDArray[np.float64] = np.sum([found.scores for _, found in self.stretches], axis=0)
        return total

    @property
    def difference(self) -> float:
        return float(sum(found.difference for _, found in self.stretches))

    @property
    def error(self) -> float:
        return float(sum(found.error for _, found in self.stretches))

    @property
    def steps(self) -> int:
        return sum(stretch.points for stretch, _ in self.stretches)

    @property
    def tolerance(self) -> float:
        return max(TOLERANCE * abs(self.difference), SMALLEST_TOLERANCE)

    @property
    def is_complete(self) -> bool:
        return abs(self.error) <= self.tolerance

    def roughest(self) -> list[int]:
        """Return the stretches that miss more than their share, worst first, as many as there is time to divide."""
        errors = [abs(found.error) for _, found in self.stretches]
        share = self.tolerance / len(errors)
        worst = sorted((index for index, error in enumerate(errors) if error > share), key=lambda index: -errors[index])
        first, _ = self.stretches[0]
        most = min(MOST_STEPS, MOST_READ // first.tokens)
        return worst[: max(most - self.taken, 0) // (2 * first.points)]


def _integrate(head: SequenceClassifier, whole: Stretch) -> TaskRun[_Integral]:
    """Integrate over a path; rough stretches are divided until the whole is complete or the time is over."""
    points = min(max(TOKENS_AT_ONCE // whole.tokens, 1), POINTS)
    stretches = list(_divided(replace(whole, points=points), -(-FEWEST_STEPS // points)))
    # Each stretch is a row of its own, so other people are served between two of them.
    found = yield from head.attribute([stretch.row for stretch in stretches])
    integral = _Integral(tuple(zip(stretches, found, strict=True)), len(stretches) * points)
    while not integral.is_complete and (rough := integral.roughest()):
        halves = [half for index in rough for half in _divided(integral.stretches[index][0], 2)]
        found = yield from head.attribute([half.row for half in halves])
        kept = [one for index, one in enumerate(integral.stretches) if index not in rough]
        integral = _Integral((*kept, *zip(halves, found, strict=True)), integral.taken + len(halves) * points)
    return integral


def _divided(stretch: Stretch, number: int) -> Iterator[Stretch]:
    """Divide a stretch into equal ones."""
    edges = np.linspace(stretch.start, stretch.end, number + 1).tolist()
    for start, end in pairwise(edges):
        yield replace(stretch, start=start, end=end)


def _positions_of_text(head: Head, ids: Sequence[int], pair: str | None) -> tuple[int, ...]:
    """Return the positions of the first text's tokens."""
    tokenizer = head.tokenizer
    # These two may be special, but stand for something in the text.
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    positions = [position for position, token in enumerate(ids) if token not in special]
    second = 0 if pair is None else len(head.tokenize(pair, add_special_tokens=False))
    return tuple(positions[: len(positions) - second])


def _blanked(ids: Sequence[int], positions: Sequence[int], blank: int) -> tuple[int, ...]:
    """Return token ids with another token at some positions."""
    chosen = set(positions)
    return tuple(blank if position in chosen else token for position, token in enumerate(ids))
