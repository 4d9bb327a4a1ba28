"""The ways to say which words mattered that `tests.bench.faithfulness` compares."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Table, exact, left_out, sampled
from tests.bench.erasure import Case
from tests.bench.integrated_gradients import Contrast, LabelLogit, Stretch, gradients_along
from tests.bench.owners import Owners, of_words, owned_ids

PAIRS = 8
STEPS = 32
POINTS = 8

Method: TypeAlias = Callable[[Case, Table], Floats]
"""Scores each word for each of a table's numbers, or for the last one alone: (words, numbers)."""


def shapley_exact(case: Case, table: Table) -> Floats:
    run_task(table.fill_all())
    return exact(table).values


def shapley_sampled(case: Case, table: Table) -> Floats:
    return run_task(sampled(table, PAIRS)).values


def leave_one_out(case: Case, table: Table) -> Floats:
    return run_task(left_out(table)).values


def at_random(case: Case, table: Table) -> Floats:
    draws, words = random.Random(case.text), range(len(case.units))
    return np.array([draws.sample(words, len(words)) for _ in table.end], dtype=np.float64).T


def integrated_gradients(case: Case, table: Table) -> Floats:
    """Take the tokens of a word together; a language model reads the first prompt."""
    head = case.head
    is_causal = head.kind is HeadKind.CAUSAL_LM
    ids, owners = _prompted_ids(case)
    inside = [one is not None for one in owners]
    if is_causal:
        sides = [tuple(map(head.encode_rest, words)) for words in zip(*sentiment.WORDS, strict=True)]
        target: Any = Contrast(*(sides if case.label == 0 else sides[::-1]))
        blank = head.encode_rest("\n")[-1]
    else:
        target, blank = LabelLogit(case.label), head.tokenizer.mask_token_id
    baseline = tuple(blank if one else token for token, one in zip(ids, inside, strict=True))
    edges = np.linspace(0, 1, STEPS // POINTS + 1).tolist()
    whole = Stretch(ids, None, baseline, target, points=POINTS)
    stretches = (replace(whole, start=start, end=end) for start, end in pairwise(edges))
    found = np.sum([gradients_along(head, one).scores for one in stretches], axis=0)
    return of_words(found[:, np.newaxis], owners, len(case.units))


def rollout(case: Case, table: Table) -> Floats:
    """Multiply the layers (arXiv:2005.00928), to the last token, or the first one of an encoder."""
    import torch

    head = case.head
    ids, owners = _prompted_ids(case)
    with torch.inference_mode(), _eager_attention(head.model):
        layers = head.model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    found = torch.eye(len(ids))
    for layer in layers:
        mixed = (layer[0].float().mean(dim=0) + torch.eye(len(ids))) / 2
        found = mixed @ found
    last = found[-1 if head.kind is HeadKind.CAUSAL_LM else 0].double().numpy()
    return of_words(last[:, np.newaxis], owners, len(case.units))


@contextmanager
def _eager_attention(model: Any) -> Iterator[None]:
    """Make a model return its attention weights; only meanwhile, because this takes longer."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _prompted_ids(case: Case) -> tuple[tuple[int, ...], Owners]:
    """Return what a model reads to answer `/sentiment`, of a language model the first prompt."""
    is_causal = case.head.kind is HeadKind.CAUSAL_LM
    before, after = sentiment.PROMPTS[0].split("{}") if is_causal else ("", "")
    return owned_ids(case.head, case.units, before, after)


OF_PROMPTS: Mapping[str, Method] = {
    "Shapley, exact": shapley_exact,
    "Shapley, 16 orders": shapley_sampled,
    "leave-one-out": leave_one_out,
    "random": at_random,
}
"""For texts that a model has written."""
OF_LABELS: Mapping[str, Method] = {
    **{name: OF_PROMPTS[name] for name in ("Shapley, exact", "Shapley, 16 orders", "leave-one-out")},
    "integrated gradients": integrated_gradients,
    "attention rollout": rollout,
    "random": at_random,
}
