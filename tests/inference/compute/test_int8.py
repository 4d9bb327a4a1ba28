from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.compute.int8 import Int8Linear, by_torchao, int8_bytes, largest_inputs, obstacle, quantise
from bot.inference.compute.packed_linear import pack
from tests.support import CPU

pytestmark = pytest.mark.skipif(obstacle(CPU) is not None, reason="this CPU has no instructions for int8")

ERROR = 0.015
"""Of the output's length: two roundings of 8 bits each, of normally distributed numbers."""


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    found, expected = found.detach().float(), expected.detach().float()
    return float((found - expected).norm() / expected.norm())


@pytest.fixture
def tiny(checkpoints: Mapping[str, Path]) -> Callable[[str], Any]:
    """A tiny checkpoint that may be changed, in float32."""
    return lambda name: load_head(checkpoints[name], CPU, packed=False)


class TestLayer:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("shape", [(40,), (1, 40), (3, 7, 40)])
    def test_it_computes_what_the_layer_does(self, dtype: torch.dtype, bias: bool, shape: tuple[int, ...]) -> None:
        layer = nn.Linear(40, 24, bias=bias).to(dtype)
        inputs = torch.randn(shape).to(dtype)
        with torch.inference_mode():
            found, expected = Int8Linear(layer)(inputs), layer(inputs)
        assert found.shape == expected.shape
        assert found.dtype is dtype
        assert error(found, expected) < ERROR

    def test_nobody_depends_on_who_shares_the_batch(self) -> None:
        layer = Int8Linear(nn.Linear(40, 24))
        row, huge = torch.randn(1, 40), 1_000 * torch.randn(1, 40)
        assert torch.equal(layer(torch.cat([huge, row]))[1:], layer(row))

    def test_zeros(self) -> None:
        dead = nn.Linear(40, 24)
        with torch.no_grad():
            dead.weight[3] = 0
        layer = Int8Linear(dead)
        torch.testing.assert_close(layer(torch.zeros(2, 40)), dead.bias.expand(2, -1))
        torch.testing.assert_close(layer(torch.randn(2, 40))[:, 3], dead.bias[3].expand(2))

    def test_the_weight_can_be_unpacked(self) -> None:
        layer = nn.Linear(40, 24)
        rounded = Int8Linear(layer)
        unpacked = rounded.weight.to_dense().t() * rounded.weight_scale[:, None]
        assert rounded.weight.dtype is torch.int8
        half_a_step = layer.weight.abs().amax(dim=1, keepdim=True) / 127 / 2
        assert bool(((unpacked - layer.weight).abs() <= half_a_step * 1.001).all())

    def test_smoothing_saves_the_channels_beside_an_outlier(self) -> None:
        layer = nn.Linear(64, 32)
        inputs = torch.randn(16, 64)
        inputs[:, 5] *= 200
        with torch.no_grad():
            layer.weight[:, 5] *= 0.005
        largest = inputs.abs().amax(dim=0)
        plain, smoothed = Int8Linear(layer), Int8Linear(layer, largest)
        assert error(smoothed(inputs), layer(inputs)) < 2 * ERROR < error(plain(inputs), layer(inputs)) / 2

    def test_gradients_of_the_inputs(self) -> None:
        layer = nn.Linear(40, 24)
        rounded = Int8Linear(layer, torch.rand(40) + 0.5)
        inputs = torch.randn(3, 40, requires_grad=True)
        rounded(inputs).square().sum().backward()
        assert inputs.grad is not None
        found = inputs.grad.clone()
        inputs.grad.zero_()
        layer(inputs).square().sum().backward()
        assert error(found, inputs.grad) < ERROR
        with torch.no_grad():
            assert error(rounded(inputs), layer(inputs)) < ERROR


@pytest.mark.parametrize("name", ["distilbert", "roberta", "bart_mnli", "llama", "t5", "m2m100"])
def test_the_body_is_rounded_and_what_stands_on_it_is_not(tiny: Callable[[str], Any], name: str) -> None:
    model = tiny(name).model
    before = {label: module.weight.clone() for label, module in model.named_modules() if isinstance(module, nn.Linear)}
    assert quantise(model, CPU, {}) > 0
    kept = {label: module for label, module in model.named_modules() if isinstance(module, nn.Linear)}
    output = model.get_output_embeddings()
    assert all(module is output or module not in set(model.base_model.modules()) for module in kept.values())
    assert all(torch.equal(module.weight, before[label]) for label, module in kept.items())
    rounded = [module for module in model.modules() if isinstance(module, Int8Linear)]
    assert len(rounded) + len(kept) == len(before)
    assert output is None or not isinstance(output, Int8Linear)
    assert int8_bytes(model) == sum(before[label].numel() for label in before.keys() - kept.keys())


def test_packing_leaves_rounded_layers_alone(checkpoints: Mapping[str, Path]) -> None:
    model = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"), packed=False).model
    count = quantise(model, CPU, {})
    pack(model)
    assert sum(isinstance(module, Int8Linear) for module in model.modules()) == count


def test_the_largest_inputs_are_seen(tiny: Callable[[str], Any]) -> None:
    head = tiny("distilbert")
    ids = [head.tensor([head.tokenize(text)]) for text in ("I love apples.", "What a terrible day: rain!")]
    seen: list[torch.Tensor] = []
    layer = head.model.distilbert.transformer.layer[1].ffn.lin2
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()[0]))
    largest = largest_inputs(head.model, lambda: [head.model(input_ids=one) for one in ids])
    hook.remove()
    torch.testing.assert_close(largest["distilbert.transformer.layer.1.ffn.lin2"], torch.cat(seen).abs().amax(dim=0))
    assert not any(module._forward_pre_hooks for module in head.model.modules())
    with pytest.raises(ZeroDivisionError):
        largest_inputs(head.model, lambda: 1 / 0)
    assert not any(module._forward_pre_hooks for module in head.model.modules())


def test_the_layers_of_torchao_compute_the_same(tiny: Callable[[str], Any]) -> None:
    """As they do on CUDA; they run on the CPU too, slowly."""
    pytest.importorskip("torchao")
    head = tiny("distilbert")
    layer = head.model.distilbert.transformer.layer[0].ffn.lin1
    other = head.model.distilbert.transformer.layer[0].ffn.lin2.weight.clone()
    inputs = torch.randn(5, layer.in_features)
    expected = linear(inputs, layer.weight, layer.bias)
    by_torchao(head.model, {"distilbert.transformer.layer.0.ffn.lin1": layer})
    found = layer(inputs)
    assert type(layer.weight.data).__name__ == "Int8Tensor"
    assert 0 < error(found, expected) < ERROR
    assert torch.equal(head.model.distilbert.transformer.layer[0].ffn.lin2.weight, other)


class TestObstacle:
    @pytest.mark.parametrize("instructions", ["avx512_vnni", "avx_vnni", "amx_int8"])
    def test_a_cpu_that_can(self, monkeypatch: pytest.MonkeyPatch, instructions: str) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {instructions: True})
        assert obstacle(CPU) is None

    @pytest.mark.parametrize("able", [{}, {"avx2": True, "avx512_vnni": False}, {"i8mm": True}])
    def test_a_cpu_that_cannot(self, monkeypatch: pytest.MonkeyPatch, able: dict[str, bool]) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
        assert obstacle(CPU) == "this CPU has no instructions for it (VNNI or AMX)"

    def test_cuda_needs_a_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        device = Device("cuda:0", "int8")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torchao" else object())
        assert obstacle(device) == 'torchao is missing, which `pip install ".[int8]"` installs'
        monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
        assert obstacle(device) is None

    def test_other_devices(self) -> None:
        assert obstacle(Device("mps", "int8")) == "it runs on CPUs and on CUDA only"
