from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from bot.inference.heads.generation.sampling import Sampler, Sampling, choose, draw

DRAWS = 20_000


def transformers_distribution(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """What transformers would draw from, (vocabulary,)."""
    scores = logits.unsqueeze(0)
    scores = TemperatureLogitsWarper(temperature)(None, scores)
    if top_p < 1:
        scores = TopPLogitsWarper(top_p)(None, scores)
    probabilities: torch.Tensor = scores.softmax(dim=-1)[0]
    return probabilities


def drawn_distribution(logits: torch.Tensor, temperature: float, top_p: float, attempts: int) -> torch.Tensor:
    """How often each token is drawn, (vocabulary,)."""
    random = torch.Generator().manual_seed(17)
    scores = (logits / temperature).expand(DRAWS, -1)

    def uniform(rows: Sequence[int]) -> torch.Tensor:
        return torch.rand(len(rows), 1, generator=random)

    tokens = draw(scores, torch.full((DRAWS, 1), top_p), uniform, attempts)
    return torch.bincount(tokens, minlength=logits.shape[-1]) / DRAWS


@pytest.mark.parametrize("attempts", [0, 1, 4])
def test_the_distribution_is_that_of_transformers(attempts: int) -> None:
    generator = torch.Generator().manual_seed(3)
    for vocabulary in (5, 60, 300):
        logits = torch.randn(vocabulary, generator=generator) * 3
        for temperature, top_p in [(1.0, 1.0), (0.7, 0.9), (2.0, 0.5), (0.1, 0.95), (1.0, 0.01)]:
            found = drawn_distribution(logits, temperature, top_p, attempts)
            right = transformers_distribution(logits, temperature, top_p)
            # Of n draws the shares are off by about the square root of p (1 - p) / n each.
            expected = float((right * (1 - right) / DRAWS).sqrt().sum())
            assert float((found - right).abs().sum()) < 2 * expected + 1e-3
            assert not found[right == 0].any()


def test_random_numbers_are_spread_evenly() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    counts = torch.zeros(4)
    samplers = [Sampler(Sampling(1.0, 1.0, seed)) for seed in range(500)]
    for _ in range(4):
        counts += choose(logits.expand(500, -1), samplers).bincount(minlength=4)
    assert float((counts / 2_000 - logits.softmax(dim=-1)[0]).abs().max()) < 0.04


numbers = st.floats(-30, 30, width=32)


@given(
    logits=st.lists(st.one_of(numbers, st.just(float("-inf"))), min_size=1, max_size=40).filter(
        lambda values: any(value > float("-inf") for value in values)
    ),
    top_p=st.floats(1e-6, 1),
    uniform=st.floats(0, 1, exclude_max=True, width=32),
)
@settings(max_examples=150, deadline=None)
def test_only_tokens_of_the_nucleus(logits: list[float], top_p: float, uniform: float) -> None:
    scores = torch.tensor([logits], dtype=torch.float32)
    token = int(draw(scores, torch.tensor([[top_p]]), lambda rows: torch.full((len(rows), 1), uniform))[0])
    probabilities = scores.softmax(dim=-1)[0]  # float32, as it is drawn: what is equal there is equally likely
    likelier = float(probabilities[probabilities > probabilities[token]].sum())
    assert probabilities[token] > 0
    assert likelier < top_p + 1e-5


@given(vocabulary=st.sampled_from([1, 2, 300, 5_000]), top_p=st.floats(0.01, 1))
@settings(max_examples=40, deadline=None)
def test_flat_distributions(vocabulary: int, top_p: float) -> None:
    uniform = torch.tensor([[0.0], [0.5], [1 - 2**-24]])
    tokens = draw(torch.zeros(3, vocabulary), torch.full((3, 1), top_p), lambda rows: uniform[rows])
    assert all(0 <= int(token) < vocabulary for token in tokens)


def test_a_tiny_nucleus_is_greedy() -> None:
    logits = torch.randn(50, 3_000, generator=torch.Generator().manual_seed(1))
    tokens = draw(logits, torch.full((50, 1), 1e-6), lambda rows: torch.rand(len(rows), 1))
    assert torch.equal(tokens, logits.argmax(dim=-1))


def test_a_row_is_not_changed_by_its_neighbours() -> None:
    logits = torch.randn(3, 100, generator=torch.Generator().manual_seed(5)) * 2
    rows = [Sampling(0.5, 0.9, 1), Sampling(0, 1, 2), Sampling(2.0, 1.0, 3)]
    together, alone = [Sampler(row) for row in rows], [[Sampler(row)] for row in rows]
    for _ in range(20):
        chosen = choose(logits, together)
        single = [int(choose(logits[index : index + 1], one)[0]) for index, one in enumerate(alone)]
        assert chosen.tolist() == single
        assert int(chosen[1]) == int(logits[1].argmax())
