"""Tokens that get most of the weight, and rollouts that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from bot.inference.heads.inspection.attention_weights import rollout
from bot.tasks.attention_sink import is_degenerate, sink_of


def causal(tokens: int, first: float) -> np.ndarray:
    """Weights of which the first token gets a share, and the others what is left, evenly."""
    weights = np.zeros((tokens, tokens), np.float32)
    weights[0, 0] = 1
    for row in range(1, tokens):
        weights[row, : row + 1] = (1 - first) / row
        weights[row, 0] = first
    return weights


def test_a_sink_has_the_share_of_the_queries_that_can_choose() -> None:
    sink = sink_of(causal(10, 0.7), causal=True)

    assert sink is not None
    assert sink.key == 0
    assert sink.share == pytest.approx(0.7)


@pytest.mark.parametrize("weights", [np.full((6, 6), 1 / 6, np.float32), np.eye(6, dtype=np.float32)])
def test_even_weights_and_weights_of_each_its_own_have_none(weights: np.ndarray) -> None:
    assert sink_of(weights, causal=False) is None


def test_two_of_three_tokens_say_little() -> None:
    assert sink_of(causal(3, 0.45), causal=True) is None
    assert sink_of(causal(1, 1.0), causal=True) is None
    assert sink_of(np.ones((4, 1), np.float32), causal=False) is None


def test_another_token_than_the_first() -> None:
    weights = np.full((8, 8), 0.05, np.float32)
    weights[:, 7] = 0.65
    sink = sink_of(weights, causal=False)

    assert sink is not None
    assert sink.key == 7


def test_a_rollout_through_many_layers_with_a_sink_is_degenerate() -> None:
    layers = np.broadcast_to(causal(12, 0.7), (30, 2, 12, 12))
    through = rollout(layers)

    assert not is_degenerate(through[0])
    assert is_degenerate(through[-1])
    assert through[-1][:, 0].min() > 0.95


def test_a_rollout_of_few_tokens_is_shown() -> None:
    assert not is_degenerate(np.eye(12, dtype=np.float32))
    assert not is_degenerate(np.ones((2, 2), np.float32))
