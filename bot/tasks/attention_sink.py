"""Attention sinks: tokens that get most of the weight, whatever the text says; and rollouts that show nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.inference.heads.inspection.attention_weights import Weights

LEAST_SHARE = 0.3
"""Of all weight, from which a token hides what the others get."""
LEAST_TIMES = 2.0
"""As much as an even share of the weight would be: in a short text, 0.3 is nothing special."""
ALIKE = 0.05
"""Rows of a rollout that differ by less of their weight look the same in a picture."""


@dataclass(frozen=True)
class Sink:
    """A token that gets much of the weight of all others."""

    key: int
    """Its index among the keys."""
    share: float
    """Of the weight of all queries; of a causal model's, the first query is left out, because it has no choice."""


def sink_of(weights: Weights, *, causal: bool) -> Sink | None:
    """Return the token that hides the others, if there is one.

    Args:
        weights: (queries, keys); each row sums to 1.
        causal: the first query sees nothing but the first key.
    """
    rows = weights[1:] if causal else weights
    if not rows.size or weights.shape[1] < 3:
        return None
    shares = rows.mean(axis=0, dtype=np.float64)
    key = int(shares.argmax())
    # Not the weights above zero: a head that looks at one token only would seem to have no choice.
    seen = (2 + weights.shape[1]) / 2 if causal else weights.shape[1]
    found = Sink(key, float(shares[key]))
    return found if found.share >= max(LEAST_SHARE, LEAST_TIMES / seen) else None


def is_degenerate(weights: Weights) -> bool:
    """Return whether all tokens of a rollout, (tokens, tokens), seem to be made of the same ones.

    With many layers the estimate runs into this, whatever the text is: then it says nothing about the tokens.
    """
    rows = weights[1:].astype(np.float64)
    if len(rows) < 2:
        return False
    # By how much of its weight each row differs from the mean of all (total variation).
    return bool(0.5 * np.abs(rows - rows.mean(axis=0)).sum(axis=1).max() < ALIKE)
