"""What words add, against captum: written texts as it reads them, its sampling, and its measure of infidelity."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, LLMAttribution, ShapleyValues, ShapleyValueSampling, TextTemplateInput
from captum.metrics import infidelity

from bot.inference.operations import TaskRun, run_task
from bot.tasks.generate import GenerateRequest
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Table, Value, exact, left_out, sampled
from bot.tasks.work.units import Units, words_of
from bot.tasks.work.writing_evidence import written_value
from bot.tasks.work.writing_readings import reading_of

REQUEST = GenerateRequest("The capital of France")
WRITTEN = " is Paris"
ALONE = {"not": -0.5, "a": 0.1, "good": 2.0, "day": 0.9, "to": -0.3, "be": 0.3, "here": 0.6}
SEEDS = 200
PAIRS = 12


@pytest.fixture(scope="module")
def written(load: Callable[[str], Any]) -> tuple[Any, Table]:
    """A head, and the full table of its log-probabilities of a written text."""
    head = load("llama")
    value = written_value(head, REQUEST, head.encode_rest(WRITTEN))
    table = Table(Units("word", tuple(words_of(REQUEST.prompt))), value)
    run_task(table.fill_all())
    return head, table


def filled(value: Value) -> Table:
    table = Table(Units("word", ("not ", "a ", "good ", "day ", "to ", "be ", "here")), value)
    run_task(table.fill_all())
    return table


def by_masks(table: Table) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a full table as captum asks for it."""

    def forward(masks: torch.Tensor) -> torch.Tensor:
        kept = (tuple(index for index, one in enumerate(mask) if one) for mask in masks.tolist())
        return torch.tensor([float(table.known[coalition][0]) for coalition in kept])

    return forward


def test_written_texts_are_attributed_as_by_captum(written: tuple[Any, Table]) -> None:
    head, table = written
    target = torch.tensor(head.encode_rest(WRITTEN))

    def template(*words: str) -> Any:
        return torch.tensor([reading_of(head, REQUEST)("".join(words).strip())[0]])

    for ours, method in ((exact(table), ShapleyValues), (run_task(left_out(table)), FeatureAblation)):
        about = TextTemplateInput(template, list(table.units.parts))
        found = LLMAttribution(method(head.model), head.tokenizer).attribute(about, target, forward_in_tokens=False)
        assert found.token_attr is not None
        assert pytest.approx(found.token_attr.numpy(), abs=1e-3) == ours.values[:, :-1].T
        assert ours.values[:, -1] == pytest.approx(found.seq_attr.numpy(), abs=1e-3)
        assert np.abs(ours.values).max() > 0.05


def mild(text: str) -> TaskRun[Floats]:
    """A number in which "not" takes half of what "good" says, and all words say something by themselves."""
    yield from ()
    words = set(text.split())
    pair = 1.0 if {"not", "good"} <= words else 0.0
    return np.array([sum(ALONE[word] for word in words) - pair])


def test_infidelity_is_less_than_that_of_shuffled_scores() -> None:
    """How far scores are from what becomes of the text without the words (Yeh et al., arXiv:1901.09392)."""
    table = filled(mild)
    parts = len(table.units)

    def without_some(masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gone = (torch.rand(masks.shape) < 0.3).float()
        return gone, masks - gone

    def of(scores: Sequence[float]) -> float:
        torch.manual_seed(0)
        masks, attributions = torch.ones(1, parts), torch.tensor([scores])
        return float(infidelity(by_masks(table), without_some, masks, attributions, n_perturb_samples=64))

    draws = random.Random(0)
    found = (exact(table), run_task(sampled(table, PAIRS)), run_task(left_out(table)))
    for scores in (one.values[:, 0].tolist() for one in found):
        assert of(scores) < min(of(draws.sample(scores, parts)) for _ in range(8))


def rough(text: str) -> TaskRun[Floats]:
    """A number in which many words act together."""
    yield from ()
    return np.array([math.sin(sum(map(ord, text))) + 0.1 * len(text)])


@pytest.fixture
def table() -> Table:
    return filled(rough)


def test_sampling_comes_as_near_as_captums(table: Table) -> None:
    """With as many orders; ours come with their reverses, which may only help."""
    right, every = exact(table).values[:, 0], torch.ones(1, len(table.units))

    def by_captum(seed: int) -> Floats:
        torch.manual_seed(seed)
        found = ShapleyValueSampling(by_masks(table)).attribute(every, n_samples=2 * PAIRS)
        return np.asarray(found[0].tolist())

    seeds = range(8)
    ours = np.mean([(run_task(sampled(table, PAIRS, seed)).values[:, 0] - right) ** 2 for seed in seeds])
    theirs = np.mean([(by_captum(seed) - right) ** 2 for seed in seeds])
    assert 0 < ours < 1.5 * theirs


def drawn(table: Table, pairs: int, seed: int) -> tuple[Floats, Floats]:
    """Sampled values and their standard errors."""
    found = run_task(sampled(table, pairs, seed))
    assert found.errors is not None
    return found.values, found.errors


def test_two_thirds_of_the_values_are_within_their_standard_errors(table: Table) -> None:
    right = exact(table).values
    found = [drawn(table, PAIRS, seed) for seed in range(SEEDS)]
    misses = np.array([(values - right) / errors for values, errors in found])
    # Of a mean of twelve, 66.1 % are (Student's t with 11 degrees of freedom), and 92.9 % are within two.
    assert np.mean(np.abs(misses) <= 1) == pytest.approx(0.66, abs=0.05)
    assert np.mean(np.abs(misses) <= 2) == pytest.approx(0.93, abs=0.03)
    assert abs(np.mean(misses)) < 0.1


def test_standard_errors_shrink_with_the_root_of_the_orders(table: Table) -> None:
    def error(pairs: int) -> float:
        found = [drawn(table, pairs, seed)[1] for seed in range(SEEDS // 4)]
        return float(np.sqrt(np.mean(np.square(found))))

    assert error(4) / error(64) == pytest.approx(4, rel=0.1)
