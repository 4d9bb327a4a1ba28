"""What is behind attention weights: one of them worked out, and how much of each token arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.inspection.attention_weights import Weights
from bot.inference.heads.inspection.worked_attention import Steps
from bot.inference.operations import TaskRun
from bot.locales.message import later
from bot.tasks.attention_sink import Sink, sink_of
from bot.tasks.attention_view import Heads, Shown

if TYPE_CHECKING:
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import Reading


def opened(head: Head, inputs: Reading, found: Shown) -> TaskRun[tuple[Steps, Shown, Sink | None]]:
    """Return the numbers behind a matrix, the matrix to show, and the sink of the weights themselves.

    Raises:
        InvalidRequest: there is no such token.
        ModelUnavailable: the model computes its attention in a way of its own.
    """
    from bot.inference.heads.inspection.attention_steps import StepsReading

    query, key = _pair(found)
    number = (found.view.head or 1) - 1
    [steps] = yield from head.attention_steps([StepsReading(inputs, found.part, found.layer - 1, number, query).row])
    if steps is None:
        raise ModelUnavailable(
            later(
                "This checkpoint computes its attention in a way of its own, of which I can only show the weights. "
                "Choose the average of heads, or one head."
            )
        )
    if found.view.heads is Heads.WORKED:
        return steps, replace(found, view=replace(found.view, query=query + 1, key=key + 1)), None
    sums = np.maximum(steps.norms.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    shares: Weights = (steps.norms / sums).astype(np.float32)
    return steps, replace(found, weights=shares), sink_of(found.weights, causal=found.is_causal)


def _pair(found: Shown) -> tuple[int, int]:
    """Return the chosen query and key, from 0; those of a strong weight if none are chosen."""
    queries, keys = found.weights.shape
    if found.view.query is None or found.view.key is None:
        return strong_pairs(found.weights, causal=found.is_causal)[0]
    for number, count in ((found.view.query, queries), (found.view.key, keys)):
        if number > count:
            raise InvalidRequest(
                later("There is no token {number} here: choose one from 1 to {count}.", number=number, count=count)
            )
    return found.view.query - 1, found.view.key - 1


def strong_pairs(weights: Weights, *, causal: bool, most: int = 1) -> list[tuple[int, int]]:
    """Return the queries and keys of the largest weights, from 0, in order; those of a sink come last.

    Args:
        weights: (queries, keys).
        causal: the first query sees nothing but the first key, so its weight of 1 comes last.
    """
    ranks = weights.astype(np.float64)
    if causal:
        ranks[0] -= 2
        # What nobody can see is not worked out first.
        ranks[np.triu_indices_from(ranks, k=1)] = -np.inf
    sink = sink_of(weights, causal=causal)
    if sink is not None:
        ranks[:, sink.key] -= 1
    order = np.argsort(-ranks, axis=None, kind="stable")[:most]
    return [divmod(int(index), weights.shape[1]) for index in order if ranks.flat[index] > -np.inf]
