"""Labels with probabilities, and how logits become them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from bot.inference.requests import LabelScore

Floats = npt.NDArray[np.float64]


def ranked(labels: Sequence[str], probabilities: Iterable[float]) -> tuple[LabelScore, ...]:
    """Return labels with their probabilities, likeliest first; equally likely ones keep their order."""
    scores = [LabelScore(label, float(value)) for label, value in zip(labels, probabilities, strict=True)]
    return tuple(sorted(scores, key=lambda score: -score.probability))


def softmax(logits: npt.ArrayLike) -> Floats:
    """Return probabilities that sum to 1 over the last axis."""
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    result: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(logits: npt.ArrayLike) -> Floats:
    """Return the logistic function of each number."""
    values = np.asarray(logits, dtype=np.float64)
    result: Floats = 0.5 * (1 + np.tanh(values / 2))  # this form never overflows
    return result
