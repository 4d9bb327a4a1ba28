"""The ways to say which words mattered that `tests.bench.faithfulness` compares."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np

from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.work.coalitions import Table, exact, left_out, sampled
from bot.tasks.work.units import Units
from tests.bench.integrated_gradients import Contrast, LabelLogit, Stretch, gradients_along

PAIRS = 8
STEPS = 32
POINTS = 8

Scores: TypeAlias = Sequence[float]
Method: TypeAlias = Callable[[Any, Table, int], Scores]
"""Scores each word for the last of a table's numbers: `(head, table, label)`."""


def shapley_exact(head: Any, table: Table, label: int) -> Scores:
    run_task(table.fill_all())
    return list(exact(table).values[:, -1])


def shapley_sampled(head: Any, table: Table, label: int) -> Scores:
    return list(run_task(sampled(table, PAIRS)).values[:, -1])


def leave_one_out(head: Any, table: Table, label: int) -> Scores:
    return list(run_task(left_out(table)).values[:, -1])


def at_random(head: Any, table: Table, label: int) -> Scores:
    return random.Random("".join(table.units.parts)).sample(range(len(table.units)), len(table.units))


def integrated_gradients(head: Any, table: Table, label: int) -> Scores:
    """Take the tokens of a word together; a language model reads the first prompt."""
    is_causal = head.kind is HeadKind.CAUSAL_LM
    ids, owners = owned_ids(head, table.units)
    inside = [one is not None for one in owners]
    if is_causal:
        sides = [tuple(map(head.encode_rest, words)) for words in zip(*sentiment.WORDS, strict=True)]
        target: Any = Contrast(*(sides if label == 0 else sides[::-1]))
        blank = head.encode_rest("\n")[-1]
    else:
        target, blank = LabelLogit(label), head.tokenizer.mask_token_id
    baseline = tuple(blank if one else token for token, one in zip(ids, inside, strict=True))
    edges = np.linspace(0, 1, STEPS // POINTS + 1).tolist()
    whole = Stretch(ids, None, baseline, target, points=POINTS)
    stretches = (replace(whole, start=start, end=end) for start, end in pairwise(edges))
    found = np.sum([gradients_along(head, one).scores for one in stretches], axis=0)
    return _of_words(found, owners, len(table.units))


def rollout(head: Any, table: Table, label: int) -> Scores:
    """Multiply the layers (arXiv:2005.00928), to the last token, or the first one of an encoder."""
    import torch

    ids, owners = owned_ids(head, table.units)
    with torch.inference_mode(), _eager_attention(head.model):
        layers = head.model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    found = torch.eye(len(ids))
    for layer in layers:
        mixed = (layer[0].float().mean(dim=0) + torch.eye(len(ids))) / 2
        found = mixed @ found
    return _of_words(found[-1 if head.kind is HeadKind.CAUSAL_LM else 0].numpy(), owners, len(table.units))


@contextmanager
def _eager_attention(model: Any) -> Iterator[None]:
    """Make a model return its attention weights; only meanwhile, because this takes longer."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def owned_ids(head: Any, units: Units) -> tuple[tuple[int, ...], list[int | None]]:
    """Return the token ids of a text, and the word that each token's last character belongs to."""
    before, after = sentiment.PROMPTS[0].split("{}") if head.kind is HeadKind.CAUSAL_LM else ("", "")
    text = f"{before}{''.join(units.parts)}{after}"
    encoded = head.tokenizer(text, return_offsets_mapping=True)
    ends = [len(before), *(len(before) + end for end in accumulate(map(len, units.parts)))]
    owners: list[int | None] = []
    for start, end in encoded["offset_mapping"]:
        inside = [index for index in range(len(units)) if ends[index] < end <= ends[index + 1] and end > start]
        owners.append(inside[0] if inside else None)
    return tuple(encoded["input_ids"]), owners


def _of_words(scores: Any, owners: Sequence[int | None], words: int) -> Scores:
    pairs = [(float(one), owner) for one, owner in zip(scores, owners, strict=True)]
    return [sum(one for one, owner in pairs if owner == word) for word in range(words)]


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
