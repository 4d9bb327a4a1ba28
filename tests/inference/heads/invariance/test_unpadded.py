"""Layers without padding compute the tokens that rows have, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import bucket
from bot.inference.heads.attention_backend import LayerInput
from bot.inference.heads.invariance.batch_invariance import BatchInvariance
from bot.inference.heads.invariance.unpadded import UnpaddedAttention, UnpaddedLayers
from bot.inference.heads.stacks import layers_of

TEXTS = ("Good.", "The music was better than the film, but nobody knows who wrote it.", "I love apples.")


def layer_input(lengths: tuple[int, ...], *, more: int = 0, **changed: Any) -> LayerInput:
    states = torch.randn(1, 2, sum(lengths) + more, 16, generator=torch.Generator().manual_seed(0))
    options: dict[str, Any] = {"scale": None, "causal": False, "window": None} | changed
    return LayerInput(nn.Identity(), states, states, states, **options)


@pytest.mark.parametrize("name", ["distilbert", "roberta_ner", "minilm"])
def test_the_layers_see_no_padding(name: str, checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints[name], Device("cpu", "float32"))
    assert head.batch_invariance is BatchInvariance.UNPADDED
    rows = [head.encode(text) for text in TEXTS]
    seen: list[tuple[int, ...]] = []
    for layer in layers_of(head.model):
        layer.register_forward_hook(lambda _, arguments, __: seen.append(tuple(arguments[0].shape[:2])))
    with torch.inference_mode():
        output = head.forward(rows)
    assert set(seen) == {(1, bucket(sum(row.tokens for row in rows)))}
    longest = max(row.tokens for row in rows)
    assert all(value.shape[0] == len(rows) for value in output.values() if isinstance(value, torch.Tensor))
    assert bucket(longest) * len(rows) > seen[0][1]
    assert not layers_of(head.model)[0]._forward_pre_hooks


def test_rows_of_one_length_need_none(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["distilbert"], Device("cpu", "float32"))
    assert head.batch_invariance is BatchInvariance.UNPADDED
    row = head.encode(TEXTS[2])
    seen: list[int] = []
    layers_of(head.model)[0].register_forward_hook(lambda _, arguments, __: seen.append(len(arguments[0])))
    with torch.inference_mode():
        head.forward([row, row])
    assert seen == [2]


def test_attention_of_each_row_by_itself() -> None:
    lengths = (3, 3, 5)
    inputs = layer_input(lengths, more=2)
    found = UnpaddedAttention(lengths).attend(inputs)
    assert found.shape == (1, 13, 2, 16)
    start = 0
    for length in lengths:
        part = inputs.query[:, :, start : start + length]
        right = nn.functional.scaled_dot_product_attention(part, part, part).transpose(1, 2)
        torch.testing.assert_close(found[:, start : start + length], right)
        start += length
    assert not found[:, start:].any()


@pytest.mark.parametrize("changed", [{"causal": True}, {"window": 4}])
def test_what_does_not_see_the_whole_row_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        UnpaddedAttention((3, 5)).attend(layer_input((3, 5), **changed))
    if "window" in changed:
        assert UnpaddedAttention((3, 4)).attend(layer_input((3, 4), **changed)).shape[1] == 7


def test_tokens_of_several_sequences_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="one sequence"):
        UnpaddedAttention((3, 5)).attend(layer_input((3,)))


def test_what_goes_into_the_layers_comes_out_in_its_place() -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    states = torch.arange(1.0, 25.0).reshape(2, 4, 3)
    with UnpaddedLayers(list(model), bucket).reading([4, 2], 4):
        found = model(states)
    states[1, 2:] = 0
    torch.testing.assert_close(found, states)


def test_hooks_go_also_after_an_error() -> None:
    layers = [nn.Identity(), nn.Identity()]
    with pytest.raises(ValueError, match="x"), UnpaddedLayers(layers, bucket).reading([1], 1):
        raise ValueError("x")
    assert not layers[0]._forward_pre_hooks
    assert not layers[1]._forward_hooks
