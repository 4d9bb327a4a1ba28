"""Labels with probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelScore:
    """A label and its probability, 0 to 1."""

    label: str
    probability: float


def ranked(labels: Sequence[str], probabilities: Iterable[float]) -> tuple[LabelScore, ...]:
    """Labels with their probabilities, likeliest first; equal ones keep their order."""
    scores = [LabelScore(label, float(value)) for label, value in zip(labels, probabilities, strict=True)]
    return tuple(sorted(scores, key=lambda score: -score.probability))


def softmax(logits: npt.ArrayLike) -> Floats:
    """Probabilities that sum to 1, over the last axis."""
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    result: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(logits: npt.ArrayLike) -> Floats:
    """Independent probabilities."""
    values = np.asarray(logits, dtype=np.float64)
    result: Floats = 0.5 * (1 + np.tanh(values / 2))  # this form never overflows
    return result
