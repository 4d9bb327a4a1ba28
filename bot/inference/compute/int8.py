"""Linear layers in int8 (W8A8): weights with a scale per output, inputs with a scale per token.

Source: Xiao et al.: SmoothQuant, 2022, arXiv:2211.10438, for the smoothing on CPUs; torch/_inductor/mkldnn_lowerings.py
for oneDNN's operators.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import with_padded_rows

_CPU_INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8")
"""One is needed: without, oneDNN overflows 16 bits in between, or is hundreds of times slower."""
_LARGEST = 127
_ZERO = 128
"""The zero point of inputs. They are unsigned bytes: signed ones have no fast kernel before AMX."""


def obstacle(device: Device) -> str | None:
    """Return why a device cannot compute in int8, as part of a sentence; None if it can."""
    if device.on_cpu:
        able = any(map(torch.cpu.get_capabilities().get, _CPU_INSTRUCTIONS))
        return None if able else "this CPU has no instructions for it (VNNI or AMX)"
    if not device.name.startswith("cuda"):
        return "it runs on CPUs and on CUDA only"
    if importlib.util.find_spec("torchao") is None:
        return 'torchao is missing, which `pip install ".[int8]"` installs'
    return None


def largest_inputs(model: PreTrainedModel, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """Run a model, and return the largest magnitude of each input channel by layer, (in_features,), float32."""
    largest: dict[str, torch.Tensor] = {}

    def watch(name: str, inputs: torch.Tensor) -> None:
        now = inputs.detach().abs().flatten(end_dim=-2).amax(dim=0).float()
        largest[name] = torch.maximum(largest[name], now) if name in largest else now

    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: watch(name, inputs[0]))
        for name, layer in _linear_layers(model)
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return largest


def quantise(model: PreTrainedModel, device: Device, largest: Mapping[str, torch.Tensor]) -> int:
    """Quantise the linear layers of a model's body to int8, in place, and return their number.

    Args:
        largest: the result of `largest_inputs`. Layers that are missing from it are not smoothed.
    """
    chosen = dict(_linear_layers(model))
    count = len(chosen)
    if not device.on_cpu:
        by_torchao(model, chosen)
        return count
    # Not by torchao, which counts on a compiler: without one its layers took up to four times as long as plain ones.
    for name in list(chosen):
        # Each layer is freed before the next one is quantised, so the model never takes its memory twice.
        model.set_submodule(name, Int8Linear(chosen.pop(name), largest.get(name)))
    return count


def by_torchao(model: nn.Module, chosen: dict[str, nn.Linear]) -> None:
    """Quantise the chosen layers, by their names in the model, with torchao and without smoothing."""
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    layers = set(chosen.values())
    config = Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
    quantize_(model, config, filter_fn=lambda module, name: module in layers)


def int8_bytes(model: nn.Module) -> int:
    """Return the bytes of a model's packed int8 weights, which are neither parameters nor buffers."""
    layers = [module for module in model.modules() if isinstance(module, Int8Linear)]
    return sum(layer.in_features * layer.out_features for layer in layers)


def _linear_layers(model: PreTrainedModel) -> Iterator[tuple[str, nn.Linear]]:
    # The layers above the body are small, or share their weights with the embeddings, and their rounding would show in
    # the answers undamped.
    inside = set(model.base_model.modules())
    output = model.get_output_embeddings()
    for name, module in model.named_modules():
        # A subclass may compute something else from its weights.
        if module in inside and type(module) is nn.Linear and module is not output:
            yield name, module


class Int8Linear(nn.Module):
    """An `nn.Linear` in int8 on the CPU. Inputs and outputs have the data type of the original layer.

    Args:
        largest: the expected largest magnitude of each input channel, (in_features,); None for no smoothing.
    """

    weight: torch.Tensor
    """int8, (in_features, out_features), in oneDNN's blocked layout; `weight.to_dense()` unpacks it."""
    weight_scale: torch.Tensor
    """float32, (out_features,)"""
    smoothing: torch.Tensor
    """Multiplied into the inputs and divided out of the weight; float32, (in_features,)."""
    product_scale: torch.Tensor
    weight_zero: torch.Tensor
    bias: torch.Tensor
    """float32, (out_features,)"""

    def __init__(self, layer: nn.Linear, largest: torch.Tensor | None = None) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.dtype = layer.weight.dtype
        weight = layer.weight.detach().float()
        smoothing = torch.ones(self.in_features) if largest is None else _smoothing(weight, largest)
        weight = weight / smoothing
        scale = _largest_of_each_row(weight) / _LARGEST
        rounded = (weight / scale).round().to(torch.int8)
        # Not a buffer: an oneDNN tensor has no storage that could be moved or measured. Models read a layer's data type
        # from an attribute of this name.
        self.__dict__["weight"] = torch.ops.onednn.qlinear_prepack(rounded, None)
        bias: torch.Tensor | None = layer.bias
        self.register_buffer("bias", torch.zeros(self.out_features) if bias is None else bias.detach().float())
        self.register_buffer("smoothing", smoothing)
        self.register_buffer("weight_scale", scale.flatten())
        # The kernel's factor: it includes the inputs' 1 / 127.
        self.register_buffer("product_scale", scale.flatten() / _LARGEST)
        self.register_buffer("weight_zero", torch.zeros(self.out_features, dtype=torch.int32))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (…, in_features) to (…, out_features)."""
        if torch.is_grad_enabled() and inputs.requires_grad:
            # Rounding has no gradient: for attributions only the weight is rounded.
            weight = self.weight.to_dense().t() * self.weight_scale[:, None] * self.smoothing
            return linear(inputs, weight.to(inputs.dtype), self.bias.to(inputs.dtype))
        inputs = inputs.to(torch.float32, copy=True).mul_(self.smoothing)
        # A scale per token, not per batch: no answer may depend on the other rows.
        scale = _largest_of_each_row(inputs)
        # Plus one half, because the conversion rounds down.
        rounded = inputs.mul(_LARGEST / scale).add_(_ZERO + 0.5).to(torch.uint8)
        return torch.addcmul(self.bias, with_padded_rows(self._products, rounded), scale).to(self.dtype)

    def _products(self, rounded: torch.Tensor) -> torch.Tensor:
        weight = (self.weight, self.product_scale, self.weight_zero)
        bias = None  # added by the caller, after the inputs' scales
        output = (1.0, 0, torch.float32)  # scale, zero point
        products: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            rounded, 1.0, _ZERO, *weight, bias, *output, "none", [], ""
        )
        return products

    def extra_repr(self) -> str:
        """Return the sizes, as `nn.Linear` does."""
        return f"in_features={self.in_features}, out_features={self.out_features}, dtype={self.dtype}"


def _smoothing(weight: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    """Return the factors that give a channel's inputs and weights the same largest magnitude, (in_features,)."""
    # Language models have a few channels with much larger inputs, which would be rounded coarsely. Half of that, on a
    # logarithmic scale, moves into the weights: equation 4 of SmoothQuant with alpha = 0.5.
    return (weight.abs().amax(dim=0).clamp(min=1e-5) / largest.clamp(min=1e-5)).sqrt()


def _largest_of_each_row(values: torch.Tensor) -> torch.Tensor:
    """Return the largest magnitude of each row, (…, 1); at least so large that dividing by it cannot overflow."""
    return values.abs().amax(dim=-1, keepdim=True).clamp_(min=1e-30)
