"""The vocabulary's logits are computed where a word is missing, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import PackedLinear

TEXTS: tuple[list[str], ...] = (
    ["The capital of France is ", "."],
    ["", " love ", " and nobody knows who wrote it."],
    ["Good", ""],
)


def projected(head: Any) -> list[tuple[int, ...]]:
    """The shapes of what goes through the output embeddings from now on, in tokens."""
    seen: list[tuple[int, ...]] = []
    head.model.get_output_embeddings().register_forward_hook(
        lambda _, arguments, __: seen.append(tuple(arguments[0].shape[:-1]))
    )
    return seen


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_logits_of_the_masks_only(precision: str, checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["roberta"], Device("cpu", precision))
    rows = [head.encode_masked(parts) for parts in TEXTS]
    assert head.batch_invariance
    seen = projected(head)
    found = head.fill.run(rows)
    assert [len(one) for one in found] == [1, 2, 1]
    # Four masks; for fewer rows than 16, PyTorch's plain kernels round differently.
    assert seen == [(4 if isinstance(head.model.get_output_embeddings(), PackedLinear) else 16,)]
    with torch.inference_mode():
        inputs = head.batch(rows)
        logits = head.model(**inputs).logits.float().softmax(-1)
    for index, (row, ours) in enumerate(zip(rows, found, strict=True)):
        right = logits[index, head.mask_positions(row.inputs.ids)].numpy()
        np.testing.assert_allclose(ours, right, atol=1e-5 if precision == "float32" else 0.02)


def test_an_unpacked_layer_gives_a_mask_the_same_numbers_alone(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["roberta"], Device("cpu", "float32"), packed=False)
    assert not isinstance(head.model.get_output_embeddings(), PackedLinear)
    rows = [head.encode_masked(parts) for parts in TEXTS]
    alone = [head.fill.run([row])[0] for row in rows]
    seen = projected(head)
    together = head.fill.run(rows)
    assert seen == [(16,)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_gpu_keeps_the_shape_of_its_batch(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["roberta"], Device("cpu", "float32"))
    rows = [head.encode_masked(parts) for parts in TEXTS]
    right = head.fill.run(rows)
    seen = projected(head)
    head.device = type("Elsewhere", (), {"on_cpu": False, "name": "cpu"})()
    with torch.inference_mode():
        found = head.compute(rows)
    assert len(seen[0]) == 2
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
