"""Packed linear layers give the numbers of plain ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers.activations import GELUActivation

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import (
    LARGEST_COPY,
    SIZES,
    PackedLinear,
    RowsGELU,
    bucket,
    pack,
    packed_bytes,
)
from bot.inference.task import HeadKind
from tests.tiny import TEXTS

pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has no instructions for bfloat16"
)
BF16 = Device("cpu", "bfloat16")


def linear(inputs: int = 40, outputs: int = 24, *, bias: bool = True, dtype: torch.dtype = torch.bfloat16) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias, dtype=dtype)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(40,), (1, 40), (3, 40), (2, 5, 40), (0, 40)])
def test_any_shape(shape: tuple[int, ...], bias: bool) -> None:
    layer = linear(bias=bias)
    inputs = torch.randn(shape).to(torch.bfloat16)
    with torch.inference_mode():
        packed, plain = PackedLinear(layer)(inputs), layer(inputs)
    assert packed.shape == plain.shape
    torch.testing.assert_close(packed, plain, rtol=2**-7, atol=2**-9)


@pytest.mark.parametrize("rows", [17, 33, 61, 130])
@pytest.mark.parametrize("bias", [True, False])
def test_rows_that_are_filled_up(rows: int, bias: bool) -> None:
    """What they are filled up with changes nothing, to the last bit."""
    packed = PackedLinear(linear(bias=bias))
    inputs = torch.randn(bucket(rows), 40, generator=torch.Generator().manual_seed(1)).bfloat16()
    with torch.inference_mode():
        whole = packed(inputs)
        assert bucket(rows) > rows
        assert torch.equal(packed(inputs[:rows]), whole[:rows])
        assert torch.equal(packed(inputs[None, :rows]), whole[None, :rows])


@given(rows=st.integers(0, 2**20))
def test_few_numbers_of_rows(rows: int) -> None:
    filled = bucket(rows)
    assert rows <= filled <= max(16, rows * (1 + 1 / SIZES))
    assert bucket(filled) == filled
    assert rows > 16 or filled == rows


def test_how_few() -> None:
    assert len({bucket(rows) for rows in range(1, 257)}) == 48
    assert len({bucket(rows) for rows in range(1, 4_097)}) == 80


@pytest.mark.parametrize("left", [False, True])
def test_batches_have_such_a_width(checkpoints: Mapping[str, Path], left: bool) -> None:
    head = load_head(checkpoints["distilbert"], BF16)
    ids, mask = head.pad([[7] * 17, [8] * 5], left=left)
    assert ids.shape == mask.shape == (2, 18)
    assert mask.sum(dim=1).tolist() == [17, 5]
    assert ids[mask.bool()].tolist() == [7] * 17 + [8] * 5
    longest = [7] * head.context_length
    assert head.pad([longest])[0].tolist() == [longest]  # there are no positions for more
    assert load_head(checkpoints["distilbert"], BF16, packed=False).pad([[7] * 17])[0].shape == (1, 17)


def test_inputs_that_are_not_contiguous() -> None:
    layer = linear()
    inputs = torch.randn(40, 6).to(torch.bfloat16).T
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(layer)(inputs), layer(inputs), rtol=2**-7, atol=2**-9)


def test_the_weight_can_be_unpacked() -> None:
    layer = linear()
    assert torch.equal(PackedLinear(layer).weight.to_dense(), layer.weight)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(40,), (3, 40), (2, 5, 40), (0, 40)])
def test_gradients_of_the_inputs(shape: tuple[int, ...], bias: bool) -> None:
    layer = linear(bias=bias)
    packed = PackedLinear(layer)
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(1)).bfloat16().requires_grad_()
    factors = torch.randn(*shape[:-1], 24, generator=torch.Generator().manual_seed(2)).bfloat16()
    [ours] = torch.autograd.grad(packed(inputs), inputs, factors)
    [theirs] = torch.autograd.grad(layer(inputs), inputs, factors)
    assert ours.shape == shape
    torch.testing.assert_close(ours, theirs, rtol=2**-7, atol=2**-9)


def test_gradients_through_a_part_of_a_batch() -> None:
    """As those of a language model's last logits."""
    layer = linear()
    packed = PackedLinear(layer)
    inputs = torch.randn(3, 5, 40, generator=torch.Generator().manual_seed(1)).bfloat16().requires_grad_()
    [ours] = torch.autograd.grad(packed(inputs[:, -1:]).sum(), inputs)
    [theirs] = torch.autograd.grad(layer(inputs[:, -1:]).sum(), inputs)
    assert not ours[:, :-1].any()
    torch.testing.assert_close(ours, theirs, rtol=2**-7, atol=2**-9)


def test_equal_with_and_without_gradients() -> None:
    packed = PackedLinear(linear())
    inputs = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(1)).bfloat16()
    with torch.inference_mode():
        without = packed(inputs)
    assert torch.equal(packed(inputs.clone().requires_grad_()).detach(), without)


def test_what_is_packed() -> None:
    class Derived(nn.Linear):
        pass

    inner = nn.Sequential(nn.ReLU(), linear())
    others = linear(dtype=torch.float16), Derived(40, 24, dtype=torch.bfloat16)
    model = nn.Sequential(linear(), linear(dtype=torch.float32), *others, inner)
    assert pack(model) == 3
    assert [type(layer) for layer in model] == [PackedLinear, PackedLinear, nn.Linear, Derived, nn.Sequential]
    assert isinstance(inner[1], PackedLinear)
    assert packed_bytes(model) == 2 * 40 * 24 * 2 + 40 * 24 * 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_gelu_is_part_of_the_layer_before_it(dtype: torch.dtype) -> None:
    first = feed_forward(dtype)
    second = copy.deepcopy(first)
    assert pack(second) == 2
    assert type(second.activation) is nn.Identity
    assert (second.lin1.gelu, second.lin2.gelu) == (True, False)
    inputs = torch.randn(3, 5, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    with torch.inference_mode():
        found, expected = second(inputs), first(inputs)
    torch.testing.assert_close(found, expected, rtol=2**-6 if dtype == torch.bfloat16 else 1e-5, atol=2**-8)
    # Also where gradients flow through it, and after a change of the data type.
    torch.testing.assert_close(gradient(second.double(), inputs.double()), gradient(first.double(), inputs.double()))


def test_a_layer_with_two_parents_keeps_its_output() -> None:
    """Because nothing says that the other one applies a GELU, too."""
    model = nn.Sequential(feed_forward(torch.float32), feed_forward(torch.float32))
    model[1].lin1 = model[0].lin1
    pack(model)
    assert type(model[0].lin1) is PackedLinear
    assert not model[0].lin1.gelu
    assert type(model[0].activation) is RowsGELU


class FeedForward(nn.Module):
    """With DistilBERT's names."""

    def __init__(self) -> None:
        super().__init__()
        self.lin1, self.lin2 = linear(64, 96, dtype=torch.float32), linear(96, 64, dtype=torch.float32)
        self.activation = GELUActivation()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.lin2(self.activation(self.lin1(inputs)))
        return output


def feed_forward(dtype: torch.dtype) -> Any:
    return FeedForward().to(dtype).eval()


def gradient(model: Any, inputs: torch.Tensor) -> torch.Tensor:
    inputs = inputs.clone().requires_grad_()
    model(inputs).sum().backward()
    assert inputs.grad is not None
    return inputs.grad


@pytest.mark.parametrize("shape", [(24,), (3, 24), (2, 5, 24), (0, 24)])
def test_a_gelu_of_rows_is_a_gelu(shape: tuple[int, ...]) -> None:
    inputs = torch.randn(shape).bfloat16().requires_grad_()
    found, expected = RowsGELU()(inputs), nn.functional.gelu(inputs)
    assert torch.equal(found, expected)
    [ours] = torch.autograd.grad(found.sum(), inputs)
    [theirs] = torch.autograd.grad(expected.sum(), inputs)
    assert torch.equal(ours, theirs)


def test_which_activations_see_rows() -> None:
    model = nn.Sequential(linear(), nn.GELU(), nn.GELU(approximate="tanh"), GELUActivation(), GELUActivation(True))
    pack(model)
    assert [type(layer) for layer in model][1:] == [RowsGELU, nn.GELU, RowsGELU, GELUActivation]
    plain = nn.Sequential(linear(dtype=torch.float16), nn.GELU())
    pack(plain)
    assert type(plain[1]) is nn.GELU


def test_a_layer_in_two_places_stays_one() -> None:
    layer = linear(40, 40)
    model = nn.ModuleDict({"first": layer, "second": layer})
    assert pack(model) == 1
    assert model["first"] is model["second"]


@pytest.mark.parametrize(("vocabulary", "packed"), [(100, True), (LARGEST_COPY // (2 * 1024) + 1, False)])
def test_an_output_layer_that_shares_a_large_embedding_is_left_alone(vocabulary: int, packed: bool) -> None:
    embedding = nn.Embedding(vocabulary, 1024, dtype=torch.bfloat16, _weight=torch.zeros(vocabulary, 1024).bfloat16())
    output = nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    output.weight = embedding.weight
    output.in_features, output.out_features = 1024, vocabulary
    model = nn.ModuleDict({"embedding": embedding, "output": output})
    assert pack(model) == packed


def test_a_kernel_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackedLinear, "forward", lambda self, inputs: inputs.new_zeros(len(inputs), self.out_features))
    model = nn.Sequential(linear())
    assert pack(model) == 0
    assert type(model[0]) is nn.Linear


@torch.inference_mode()
def logits_of(head: Any, text: str) -> torch.Tensor:
    ids = torch.tensor([head.tokenize(text)])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if head.model.config.is_encoder_decoder and head.kind is HeadKind.SEQ2SEQ_LM:
        inputs["decoder_input_ids"] = ids[:, :3]
    logits: torch.Tensor = head.model(**inputs).logits.float()
    return logits


@pytest.mark.parametrize("name", ["distilbert", "roberta", "bart_mnli", "llama", "t5", "marian", "m2m100", "nllb"])
def test_checkpoints_round_no_worse(name: str, checkpoints: dict[str, Path]) -> None:
    packed = load_head(checkpoints[name], BF16)
    plain = load_head(checkpoints[name], BF16, packed=False)
    exact = load_head(checkpoints[name], Device("cpu", "float32"), packed=False)
    errors = np.zeros(2)
    for text in ("I love apples and lemons.", *TEXTS):
        right = logits_of(exact, text)
        errors += [float((logits_of(head, text) - right).norm()) for head in (packed, plain)]
    assert errors[0] <= 1.3 * errors[1]
    assert any(isinstance(module, PackedLinear) for module in packed.model.modules())
    assert packed.parameters == plain.parameters
    assert packed.weight_bytes >= plain.weight_bytes


def test_float16_stays_plain(checkpoints: Mapping[str, Path]) -> None:
    assert pack(load_head(checkpoints["distilbert"], Device("cpu", "float16"), packed=False).model) == 0


@pytest.mark.parametrize(("dtype", "inputs"), [(torch.bfloat16, 768), (torch.float32, 768), (torch.float32, 3_072)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_row_has_the_same_numbers_among_any_number_of_rows(dtype: torch.dtype, inputs: int, bias: bool) -> None:
    """To the last bit, also where plain layers round one row, three and four otherwise."""
    packed = PackedLinear(linear(inputs, 96, bias=bias, dtype=dtype))
    rows = torch.randn(300, inputs, generator=torch.Generator().manual_seed(1)).to(dtype)
    with torch.inference_mode():
        right = packed(rows)
        for number in (1, 2, 3, 4, 5, 7, 11, 16, 17, 40, 200):
            assert torch.equal(packed(rows[-number:]), right[-number:])


def test_a_model_that_is_converted_after_packing() -> None:
    """As tests do that compare with float64. The weights are those that were packed."""
    layer = linear(dtype=torch.float32)
    model = nn.Sequential(layer)
    expected = copy.deepcopy(model).double()
    assert pack(model) == 1
    inputs = torch.randn(3, 40, dtype=torch.float64, requires_grad=True)
    found = model.double()(inputs)
    torch.testing.assert_close(found, expected(inputs))
    [ours] = torch.autograd.grad(found.sum(), inputs)
    [theirs] = torch.autograd.grad(expected(inputs).sum(), inputs)
    torch.testing.assert_close(ours, theirs)


def test_a_weight_that_its_owner_multiplies_by_itself_stays() -> None:
    class Owner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.scale = linear(40, 40), nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return (self.used.weight @ inputs.T).T * self.scale

    owner = Owner()
    model = nn.Sequential(linear(40, 40), owner)
    inputs = torch.randn(3, 40, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = model(inputs)
    assert pack(model) == 1
    assert type(owner.used) is nn.Linear
    with torch.inference_mode():
        torch.testing.assert_close(model(inputs), expected, rtol=2**-6, atol=2**-6)


def test_encoder_decoders_stay_plain_in_float32(checkpoints: Mapping[str, Path]) -> None:
    """Nothing is promised of their texts."""
    assert not load_head(checkpoints["t5"], Device("cpu", "float32")).is_packed
    assert load_head(checkpoints["bart_mnli"], Device("cpu", "float32")).is_packed
