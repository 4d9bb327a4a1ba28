"""Why an explanation may come to another number than the answer that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.inference.requests import LabelScore
from bot.replies.formatting.bars import percent
from bot.tasks.work.blocks import Bar, Explanation, Paragraph
from bot.tasks.work.texts import Sentence, Text, Words
from bot.tasks.work.wording import later, listed

MOST_BY_ROUNDING = 0.1
"""A larger difference has another reason. The largest that rounding was seen to make is 0.04, in bfloat16."""

Pair = tuple[LabelScore, LabelScore]
"""A label of the answer, and the explanation's for it."""


def with_rounding(found: Explanation, answered: Sequence[LabelScore], precision: str) -> Explanation:
    """Add a sentence to the decision if it visibly differs from the answer.

    Args:
        answered: the answer's labels, for each bar of the decision; empty if they aren't known.
        precision: the data type of the weights.
    """
    *others, decision = found.pages
    decided = [LabelScore(_english(one.label), one.probability) for one in decision.blocks if isinstance(one, Bar)]
    if len(decided) != len(answered):
        return found
    differing = [pair for pair in zip(answered, decided, strict=True) if _is_visible(*pair)]
    if not differing:
        return found
    said = listed([*_said(differing, alone=len(decided) == 1)])
    remark = Paragraph(_remark(said, differing, precision))
    return replace(found, pages=(*others, replace(decision, blocks=(*decision.blocks, remark))))


def _english(label: Words) -> str:
    """Return a label as answers are kept with it."""
    return label if isinstance(label, str) else label.template


def _is_visible(said: LabelScore, found: LabelScore) -> bool:
    return (said.label, percent(said.probability)) != (found.label, percent(found.probability))


def _said(differing: Sequence[Pair], *, alone: bool) -> Iterator[Text]:
    """Yield the answer's labels with their numbers; just the number if an answer of one label has the same label."""
    for said, found in differing:
        # With the space that the answer had.
        number = percent(said.probability)
        yield number if alone and said.label == found.label else f"{said.label} {number}"


def _remark(said: Text, differing: Sequence[Pair], precision: str) -> Sentence:
    changes = (abs(said.probability - found.probability) for said, found in differing if said.label == found.label)
    if max(changes, default=0.0) > MOST_BY_ROUNDING:
        return later(
            "The answer said {answer}. Rounding alone does not make such a difference: the checkpoint or its precision "
            "has probably been changed since.",
            answer=said,
        )
    return later(
        "The answer said {answer}: it was computed in one batch with other people's texts, and {precision} rounds "
        "differently in batches of other shapes.",
        answer=said,
        precision=precision,
    )
