"""Attention weights as numbers, and their combination over heads and layers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Weights: TypeAlias = npt.NDArray[np.float32]


class Part(StrEnum):
    """The part of a model that attends."""

    ENCODER = "encoder"
    DECODER = "decoder"
    CROSS = "cross"


Attentions: TypeAlias = Mapping[Part, Weights]
"""The weights of each part that a model has: (layers, heads, queries, keys), float32, read-only; empty if the
architecture has no attention weights to show."""


def average_of_heads(weights: Weights) -> Weights:
    """Return the mean over heads: (layers, heads, queries, keys) → (layers, queries, keys)."""
    mean: Weights = weights.mean(axis=1, dtype=np.float32)
    return mean


def rollout(weights: Weights) -> Weights:
    """Return how much of each input token has reached each token after each layer, through all layers up to it.

    Source: Abnar, Zuidema: Quantifying Attention Flow in Transformers, 2020, arXiv:2005.00928, section 3.

    Args:
        weights: (layers, heads, tokens, tokens), of self-attention.

    Returns:
        (layers, tokens, tokens); the last axis sums to 1.

    Raises:
        ValueError: queries and keys are not the same tokens, as in cross-attention.
    """
    layers = average_of_heads(weights).astype(np.float64)
    _, queries, keys = layers.shape
    if queries != keys:
        raise ValueError(f"rollout needs a square matrix, and this one is {queries} by {keys}")
    reached = np.eye(queries)
    after = []
    for layer in layers:  # the residual connection passes half of a token on as it is
        reached = (0.5 * layer + 0.5 * np.eye(queries)) @ reached
        after.append(reached)
    return np.stack(after).astype(np.float32)
