"""Linear layers whose weights are 8-bit integers.

A weight has one scale for each of its outputs; a layer's input is rounded as it comes, with one scale for each token
(W8A8). Scales per token, not per batch, so that nobody's answer depends on who shares the batch. Inputs that are much
larger in a few channels, as language models have them, would be rounded coarsely: half of that, on a logarithmic scale,
is moved into the weights (SmoothQuant, arXiv:2211.10438, equation 4 with alpha = 0.5).

On the CPU oneDNN multiplies, through the operator that PyTorch's own compiler uses
(torch/_inductor/mkldnn_lowerings.py), and on CUDA torchao. torchao counts on a compiler: on the CPU without one, its
layers took up to four times as long as oneDNN's in bfloat16. `torch.ao.quantization.quantize_dynamic` is deprecated,
and rounds with one scale per batch. What torchao computes is not smoothed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from bot.inference.compute.device import Device
from bot.inference.compute.packed_linear import with_rows_filled_up

_CPU_INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8")
"""Without one of them oneDNN either overflows 16 bits on the way, or is hundreds of times slower."""

_LARGEST = 127
_ZERO = 128
"""Inputs are stored as unsigned bytes around this: signed ones have no fast kernel before AMX."""


def obstacle(device: Device) -> str | None:
    """Why a device cannot compute in int8, as a part of a sentence; None where it can."""
    if device.on_cpu:
        able = torch.cpu.get_capabilities()
        if not any(able.get(name) for name in _CPU_INSTRUCTIONS):
            return "this CPU has no instructions for it (VNNI or AMX)"
        return None
    if not device.name.startswith("cuda"):
        return "it runs on CPUs and on CUDA only"
    if importlib.util.find_spec("torchao") is None:
        return 'torchao is missing, which `pip install ".[int8]"` installs'
    return None


def largest_inputs(model: PreTrainedModel, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """Watch a model run: by layer, the largest magnitude of each channel of its inputs, (in_features,), float32."""
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
    """Round the linear layers of a model's body to int8, in place; how many there were.

    What stands on top of the body (a classifier's last layers, a language model's output layer) stays as it is: it is
    small, or shares its weights with the embeddings, and its rounding would show in the answers undamped.

    Args:
        largest: what `largest_inputs` has seen. A layer that it has not seen is not smoothed.
    """
    chosen = dict(_linear_layers(model))
    count = len(chosen)
    if device.on_cpu:
        _by_onednn(model, chosen, largest)
    else:
        by_torchao(model, chosen)
    return count


def by_torchao(model: nn.Module, chosen: dict[str, nn.Linear]) -> None:
    """Give the chosen layers, by their names in the model, torchao's int8 weights."""
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    layers = set(chosen.values())
    config = Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
    quantize_(model, config, filter_fn=lambda module, name: module in layers)


def int8_bytes(model: nn.Module) -> int:
    """Memory of the packed int8 weights of a model, which are neither its parameters nor its buffers."""
    layers = [module for module in model.modules() if isinstance(module, Int8Linear)]
    return sum(layer.in_features * layer.out_features for layer in layers)


def _by_onednn(model: nn.Module, chosen: dict[str, nn.Linear], largest: Mapping[str, torch.Tensor]) -> None:
    for name in list(chosen):
        # Each layer is let go before the next one is rounded: the model shrinks, it is never there twice.
        model.set_submodule(name, Int8Linear(chosen.pop(name), largest.get(name)))


def _linear_layers(model: PreTrainedModel) -> Iterator[tuple[str, nn.Linear]]:
    body = model.base_model
    inside = set(body.modules())
    output = model.get_output_embeddings()
    for name, module in model.named_modules():
        # Subclasses compute something of their own from the weights.
        if module in inside and type(module) is nn.Linear and module is not output:
            yield name, module


class Int8Linear(nn.Module):
    """`nn.Linear` in int8 on the CPU. Inputs and outputs have the data type of the layer that it is made from.

    Attributes:
        weight: int8, (in_features, out_features), in oneDNN's own blocked layout; `weight.to_dense()` unpacks it. It
            has this name because models look at a layer's weight for its data type.
        weight_scale: float32, (out_features,).
        smoothing: what the inputs are multiplied by, and the weight is divided by; float32, (in_features,).
        bias: float32, (out_features,).
    """

    weight: torch.Tensor
    weight_scale: torch.Tensor
    smoothing: torch.Tensor
    product_scale: torch.Tensor
    weight_zero: torch.Tensor
    bias: torch.Tensor

    def __init__(self, layer: nn.Linear, largest: torch.Tensor | None = None) -> None:
        """Round a layer.

        Args:
            largest: the largest magnitude to expect of each channel of the inputs, (in_features,).
        """
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.dtype = layer.weight.dtype
        weight = layer.weight.detach().float()
        smoothing = torch.ones(self.in_features) if largest is None else _smoothing(weight, largest)
        weight = weight / smoothing
        scale = _largest_of_each_row(weight) / _LARGEST
        rounded = (weight / scale).round().to(torch.int8)
        # Not a buffer: it has no storage that could be moved or measured.
        self.__dict__["weight"] = torch.ops.onednn.qlinear_prepack(rounded, None)
        bias: torch.Tensor | None = layer.bias
        self.register_buffer("bias", torch.zeros(self.out_features) if bias is None else bias.detach().float())
        self.register_buffer("smoothing", smoothing)
        self.register_buffer("weight_scale", scale.flatten())
        # What the kernel multiplies by: the factor of the inputs, 1 / 127, is in it already.
        self.register_buffer("product_scale", scale.flatten() / _LARGEST)
        self.register_buffer("weight_zero", torch.zeros(self.out_features, dtype=torch.int32))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Multiply `inputs`, (…, in_features), to (…, out_features).

        Rounding has no gradient. Where one is wanted (attributions), only the weight is rounded, not the inputs.
        """
        if torch.is_grad_enabled() and inputs.requires_grad:
            return self._unrounded(inputs)
        inputs = inputs.to(torch.float32, copy=True).mul_(self.smoothing)
        scale = _largest_of_each_row(inputs)
        # Half is added because the conversion rounds down.
        rounded = inputs.mul(_LARGEST / scale).add_(_ZERO + 0.5).to(torch.uint8)
        return torch.addcmul(self.bias, with_rows_filled_up(self._products, rounded), scale).to(self.dtype)

    def _products(self, rounded: torch.Tensor) -> torch.Tensor:
        products: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            rounded,
            1.0,
            _ZERO,
            self.weight,
            self.product_scale,
            self.weight_zero,
            None,  # the bias is added after the inputs' scales
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return products

    def _unrounded(self, inputs: torch.Tensor) -> torch.Tensor:
        weight = self.weight.to_dense().t() * self.weight_scale[:, None] * self.smoothing
        return linear(inputs, weight.to(inputs.dtype), self.bias.to(inputs.dtype))

    def extra_repr(self) -> str:
        """As `nn.Linear` shows itself."""
        return f"in_features={self.in_features}, out_features={self.out_features}, dtype={self.dtype}"


def _smoothing(weight: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    """The factors that leave a channel's inputs and weights with the same largest magnitude, (in_features,)."""
    return (weight.abs().amax(dim=0).clamp(min=1e-5) / largest.clamp(min=1e-5)).sqrt()


def _largest_of_each_row(values: torch.Tensor) -> torch.Tensor:
    """The largest magnitude of each row, (…, 1); never so small that a division by it overflows."""
    return values.abs().amax(dim=-1, keepdim=True).clamp_(min=1e-30)
