"""What a head mostly looks at, as far as the places of tokens say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.inference.heads.inspection.attention_weights import Weights
from bot.locales.message import Message, later


@dataclass(frozen=True)
class Habit:
    """Where a head puts most of its weight."""

    what: Message
    """In words, such as "the token before"."""
    share: float
    """Of the weight of the queries that have such a token; 0 if no place gets much."""


LEAST = 0.3
"""Of its weight: a head that gives each place less has no habit."""


def habit_of(weights: Weights, *, causal: bool, cross: bool) -> Habit:
    """Return the place that gets the largest share of a head's weights, (queries, keys)."""
    rows = weights.astype(np.float64)
    rows = rows[1:] if causal and len(rows) > 1 else rows  # the first token has no choice
    offset = len(weights) - len(rows)
    # Translators: what one token mostly looks at, behind the number of a head of the model; in a picture with room for
    # about 20 characters.
    found = [Habit(later("the first token"), float(rows[:, 0].mean()))]
    if rows.shape[1] > 1 and not causal:
        found.append(Habit(later("the last token"), float(rows[:, -1].mean())))
    if not cross:
        found.append(Habit(later("itself"), _diagonal(rows, offset)))
        found.append(Habit(later("the token before"), _diagonal(rows, offset - 1)))
        if not causal:
            found.append(Habit(later("the next token"), _diagonal(rows, offset + 1)))
    most = max(found, key=lambda habit: habit.share)
    return most if most.share >= LEAST else Habit(later("many places"), 0.0)


def _diagonal(rows: npt.NDArray[np.float64], offset: int) -> float:
    """Return the mean of a diagonal of a matrix; 0 if it has none."""
    diagonal = np.diagonal(rows, offset)
    return float(diagonal.mean()) if diagonal.size else 0.0
