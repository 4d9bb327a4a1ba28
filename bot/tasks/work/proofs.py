"""What is asked again to prove a score: the text without its strongest parts, and without random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks.scores import Floats
from bot.tasks.work.budget import Weighed
from bot.tasks.work.coalitions import Coalition

LEFT_OUT = 2
"""The strongest words that a proof leaves out."""
DRAWS = 8
"""Random choices of as many words, for comparison."""
FIRST_DRAWS = 3
"""The same for a first picture."""


@dataclass(frozen=True)
class Rests:
    """Coalitions whose values a proof compares.

    Attributes:
        strongest: indices of the parts that add most, in order.
        without: the text without these.
        at_random: without as many random parts, each time.
    """

    strongest: tuple[int, ...]
    without: Coalition
    at_random: tuple[Coalition, ...]


def rests(found: Weighed, scores: Floats, draws: int) -> TaskRun[Rests | None]:
    """Compute the values of what is left without some parts; None if there is a single part.

    Args:
        scores: of the parts.
        draws: random choices at most; all choices where there are not more.
    """
    number = min(LEFT_OUT, len(scores) - 1)
    if number < 1:
        return None
    strongest = tuple(sorted(np.argsort(-scores, kind="stable")[:number].tolist()))
    choices = list(combinations(range(len(scores)), number))
    drawn = choices if len(choices) <= draws else random.Random(0).sample(choices, draws)
    without, *at_random = [_rest(found.table.whole, one) for one in (strongest, *drawn)]
    yield from found.table.fill([without, *at_random])
    return Rests(strongest, without, tuple(at_random))


def _rest(whole: Coalition, left_out: Sequence[int]) -> Coalition:
    return tuple(index for index in whole if index not in left_out)
