"""Which tokens of a text spoke for an answer: integrated gradients, with as many steps as they need to be complete.

Complete means that the scores sum to what the text changes in the label's logit, measured from a baseline that says
nothing. The baseline has as many tokens as the text, and everything around the text (special tokens, a prompt, the
hypothesis of a pair) stays as it is, so that only the text's tokens get scores. An encoder's baseline consists of mask
tokens, which it was trained to read as "any word"; one without a mask token gets padding. That of a causal language
model consists of line breaks, an empty text: from its end-of-text token, which it has never read several times in a
row, the path is so rough that it takes four times as many steps.

Dozens of passes forwards and backwards take seconds. So an explanation only says what is to be explained, and
`attributed` computes it when somebody wants to see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.steps import Row, Steps
from bot.tasks import sentiment
from bot.tasks.work.pieces import Attribution, PostponedAttribution, Work

if TYPE_CHECKING:
    from bot.inference.heads.attributions import Stretch, StretchScores
    from bot.inference.heads.base import Head
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_input import EncoderInput
    from bot.inference.heads.sequence_classifier import SequenceClassifier

FEWEST_STEPS = 32
MOST_STEPS = 256
TOLERANCE = 0.05
"""Of the difference: the most that the scores' sum may miss it by."""
SMALLEST_TOLERANCE = 0.01
"""In logits: no more precision is asked for, however small the difference is."""
POINTS = 8
"""Gradients that are taken together."""
TOKENS_AT_ONCE = 512
"""Tokens of which gradients are taken together: memory, and how long the device is not free for others."""
MOST_TOKENS = 96
"""What is read in all, prompt included: about as many as a picture shows. Longer texts would take too long."""


def label_attribution(
    head: SequenceClassifier, inputs: EncoderInput, label: int, name: str, pair: str | None = None
) -> tuple[PostponedAttribution, ...]:
    """How much each token of a text spoke for a label of a classification head, to be computed later.

    Args:
        inputs: what was read.
        label: the logit's id.
        name: what people call the label.
        pair: the second text, where a pair was read; it stays as it is.

    Returns:
        One piece; none where the text is too long.
    """
    from bot.inference.heads.attributions import LabelLogit, Stretch

    places = _places_of_text(head, inputs.ids, pair)
    mask = head.tokenizer.mask_token_id
    blank = head.pad_token_id if mask is None else int(mask)
    baseline = "padding" if mask is None else "mask tokens"
    stretch = Stretch(inputs.ids, inputs.type_ids, _blanked(inputs.ids, places, blank), LabelLogit(label))
    return _postponed(name, stretch, places, baseline)


def words_attribution(head: CausalLM, text: str, *, positive: bool) -> tuple[PostponedAttribution, ...]:
    """How much each token of a text made a causal language model lean to one side, after /sentiment's first prompt.

    It is to be computed later.

    Args:
        text: what was read of the text.
        positive: whether scores above zero speak for POSITIVE, or for NEGATIVE.

    Returns:
        One piece; none where the text is too long.
    """
    from bot.inference.heads.attributions import Contrast, Stretch

    prompt = sentiment.PROMPTS[0]
    ids = head.encode(prompt.format(text))
    places = _places_in_prompt(head, ids, *prompt.split("{}"))
    good, bad = (tuple(map(head.encode_rest, words)) for words in zip(*sentiment.WORDS, strict=True))
    target = Contrast(good, bad) if positive else Contrast(bad, good)
    stretch = Stretch(ids, None, _blanked(ids, places, head.encode_rest("\n")[-1]), target)
    label = "POSITIVE" if positive else "NEGATIVE"
    return _postponed(label, stretch, places, "line breaks")


def _postponed(label: str, path: Stretch, places: tuple[int, ...], baseline: str) -> tuple[PostponedAttribution, ...]:
    """One piece; none where the text is too long, or has no tokens."""
    if len(path.ids) > MOST_TOKENS or not places:
        return ()
    return (PostponedAttribution(label, path, places, baseline),)


def attributed(head: SequenceClassifier | CausalLM, work: Work) -> Steps[Work]:
    """The same work with the attributions that were postponed.

    Args:
        head: the one that the work is of.
    """
    pieces = list(work.pieces)
    for place, piece in enumerate(pieces):
        if isinstance(piece, PostponedAttribution):
            pieces[place] = yield from attribution(head, piece)
    return replace(work, pieces=tuple(pieces))


def attribution(head: SequenceClassifier | CausalLM, postponed: PostponedAttribution) -> Steps[Attribution]:
    """Scores for the tokens of a text."""
    from bot.inference.heads.attributions import load_captum

    load_captum()
    integral = yield from _integrate(head, postponed.path)
    tokens = head.tokens(postponed.path.ids)
    return Attribution(
        label=postponed.label,
        tokens=tuple(tokens[place] for place in postponed.places),
        scores=tuple(float(integral.scores[place]) for place in postponed.places),
        difference=integral.difference,
        method=_method(integral, postponed.baseline),
    )


@dataclass(frozen=True)
class _Integral:
    """The stretches that a path was divided into, with what each adds."""

    stretches: tuple[tuple[Stretch, StretchScores], ...]

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
        """The stretches that miss more than their share, the worst first, and as many as there are steps left for."""
        errors = [abs(found.error) for _, found in self.stretches]
        share = self.tolerance / len(errors)
        worst = sorted((place for place, error in enumerate(errors) if error > share), key=lambda place: -errors[place])
        return worst[: (MOST_STEPS - self.steps) // self.stretches[0][0].points]


def _integrate(head: SequenceClassifier | CausalLM, whole: Stretch) -> Steps[_Integral]:
    """Integrate over a path. Where a stretch of it is rough, it is divided, until all of it is complete.

    Each stretch is a row of its own, so others are served between two of them.
    """
    points = min(max(TOKENS_AT_ONCE // len(whole.ids), 1), POINTS)
    stretches = list(_divided(replace(whole, points=points), -(-FEWEST_STEPS // points)))
    integral = _Integral(tuple(zip(stretches, (yield from head.attribute(_rows(stretches))), strict=True)))
    while not integral.is_complete and (rough := integral.roughest()):
        halves = [half for place in rough for half in _divided(integral.stretches[place][0], 2)]
        found = yield from head.attribute(_rows(halves))
        kept = [one for place, one in enumerate(integral.stretches) if place not in rough]
        integral = _Integral((*kept, *zip(halves, found, strict=True)))
    return integral


def _rows(stretches: Sequence[Stretch]) -> list[Row[Stretch]]:
    return [stretch.row for stretch in stretches]


def _divided(stretch: Stretch, number: int) -> Iterator[Stretch]:
    """Stretches of equal length that follow each other."""
    edges = np.linspace(stretch.start, stretch.end, number + 1).tolist()
    for start, end in pairwise(edges):
        yield replace(stretch, start=start, end=end)


def _method(integral: _Integral, baseline: str) -> str:
    method = f"integrated gradients, {integral.steps} steps from {baseline}"
    if integral.is_complete:
        return method
    total = integral.difference + integral.error
    return f"{method}; not complete: the scores sum to {total:+.2f} instead of {integral.difference:+.2f}"


def _places_of_text(head: Head, ids: Sequence[int], pair: str | None) -> tuple[int, ...]:
    """Where the tokens of the first text are."""
    tokenizer = head.tokenizer
    # These two may be special, and stand for something in the text.
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    places = [place for place, token in enumerate(ids) if token not in special]
    second = 0 if pair is None else len(head.tokenize(pair, add_special_tokens=False))
    return tuple(places[: len(places) - second])


def _places_in_prompt(head: CausalLM, ids: Sequence[int], before: str, after: str) -> tuple[int, ...]:
    """Where the tokens of a text within a prompt are; one that the text shares with the prompt is the text's."""
    start = _common(ids, head.encode(before))
    end = _common(ids[::-1], head.encode_rest(after)[::-1])
    return tuple(range(start, len(ids) - end))


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    differing = (place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(differing, min(len(first), len(second)))


def _blanked(ids: Sequence[int], places: Sequence[int], blank: int) -> tuple[int, ...]:
    """Token ids with another token at some places."""
    chosen = set(places)
    return tuple(blank if place in chosen else token for place, token in enumerate(ids))
