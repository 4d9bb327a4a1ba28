"""Linear layers whose weights are stored in the layout that the CPU's matrix kernels read.

PyTorch stores a weight row by row, and oneDNN rearranges it into blocks at every call. For the few rows of a chat
message or a decode step, that costs about as much as the multiplication. With weights that are packed once, after
loading, the same kernels give the same numbers in a half to nine tenths of the time (see docs/PERFORMANCE.md).

Source: oneDNN's developer guide, "Memory Format Propagation"; PyTorch's Inductor packs weights in the same way when it
freezes a model for the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn
from transformers.activations import GELUActivation

LARGEST_COPY = 2**27
"""Bytes. Packing copies a weight that an embedding uses too, as output layers often do."""
PROBE_ROWS = 4
TOLERANCES = {torch.bfloat16: (2**-7, 2**-9), torch.float32: (1e-4, 1e-4)}
"""Relative and absolute difference allowed between packed and plain products."""
SIZES = 8
"""The numbers of rows that get kernels of their own, between a power of two and the next (see `filled_up`)."""


class PackedLinear(nn.Module):
    """An `nn.Linear` for inference on the CPU.

    A row's product does not depend on the number of rows, to the last bit: a probe of each checkpoint checks that (see
    `batch_invariance`). PyTorch's plain float32 layers do not guarantee it, so float32 is packed too.

    Attributes:
        weight: (out_features, in_features), in oneDNN's layout; `weight.to_dense()` unpacks it.
        bias: (out_features,), or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        # Not a buffer: nothing may move it to another device or data type.
        self.__dict__["weight"] = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.bias = layer.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (…, in_features) to (…, out_features)."""
        if torch.is_grad_enabled() and inputs.requires_grad:
            output: torch.Tensor = _Product.apply(inputs, self.weight, self.bias)  # type: ignore[no-untyped-call]
        else:
            output = _product(inputs, self.weight, self.bias)
        return output

    def extra_repr(self) -> str:
        """Return the sizes, as `nn.Linear` does."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class RowsGELU(nn.Module):
    """A GELU that flattens its input, (…, size), to a matrix."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute `torch.nn.functional.gelu`."""
        # oneDNN makes a kernel for each shape of a tensor, and batches have far more shapes than numbers of rows.
        output: torch.Tensor = nn.functional.gelu(inputs.reshape(-1, inputs.shape[-1]))
        return output.view(inputs.shape)


class _Product(torch.autograd.Function):
    """The packed product, differentiable in its inputs (for attributions) but not in its weight."""

    @staticmethod
    def forward(context: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        context.weight = weight  # not saved for backward: it lives as long as its layer
        return _product(inputs, weight, bias)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Unpack the weight, one layer at a time."""
        [gradient] = gradients
        # As one matrix: a part of a batch, such as each text's last token, would be multiplied by copies of the weight.
        product = gradient.reshape(-1, gradient.shape[-1]) @ context.weight.to_dense().to(gradient.dtype)
        return product.reshape(*gradient.shape[:-1], product.shape[-1]), None, None


def _product(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if inputs.dtype != weight.dtype:  # the model was converted after loading; the packed weight was not
        return nn.functional.linear(inputs, weight.to_dense().to(inputs.dtype), bias)

    def multiply(rows: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
        return output

    return with_rows_filled_up(multiply, inputs)


def with_rows_filled_up(multiply: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Apply a linear layer to `inputs`, (…, in_features), padded to one of few numbers of rows.

    For each number of rows oneDNN makes new kernels. That takes milliseconds, several times as long as the product, and
    up to a megabyte of memory; messages have any number of tokens. Padding copies the input of every layer, so heads
    avoid it by making batches of such a width.
    """
    rows = inputs.numel() // inputs.shape[-1]
    # A single row in float32 may be summed in parts, which rounds differently than several rows.
    least = 2 if rows and inputs.dtype == torch.float32 else 0
    missing = max(least, filled_up(rows)) - rows
    if not missing:
        return multiply(inputs)
    filled = inputs.new_empty(rows + missing, inputs.shape[-1])  # the other rows' content doesn't matter
    filled[:rows] = inputs.reshape(rows, -1)
    return multiply(filled)[:rows].view(*inputs.shape[:-1], -1)


def filled_up(rows: int) -> int:
    """Round up to a number of rows that has kernels: all up to 16, then eighths of octaves (18, 20 … 32, 36 …)."""
    step = 1 << max(0, (rows - 1).bit_length() - SIZES.bit_length())
    return -(-rows // step) * step


def pack(model: nn.Module) -> int:
    """Replace a model's linear layers on the CPU by packed ones if their numbers stay the same.

    Returns:
        The number of replaced layers.
    """
    shared = _shared_weights(model)
    layers = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent._modules.items()  # named_children() skips a module's second occurrence
        if _is_packable(layer, shared) and not _multiplies(parent)
    ]
    verdicts: dict[torch.Size, bool] = {}
    replaced: dict[int, PackedLinear] = {}
    for parent, name, layer in layers:
        if layer.weight.shape not in verdicts:
            verdicts[layer.weight.shape] = _gives_the_same(layer)
        if verdicts[layer.weight.shape]:
            if id(layer) not in replaced:
                replaced[id(layer)] = PackedLinear(layer)
            setattr(parent, name, replaced[id(layer)])
    if replaced:
        _let_gelus_see_rows(model)
    return len(replaced)


def packed_bytes(model: nn.Module) -> int:
    """Return the bytes of a model's packed weights, which are not among its parameters."""
    layers = [module for module in model.modules() if isinstance(module, PackedLinear)]
    return sum(layer.in_features * layer.out_features * layer.weight.element_size() for layer in layers)


def _shared_weights(model: nn.Module) -> set[int]:
    """Return the addresses of the embeddings' weights, which other layers may share."""
    return {module.weight.data_ptr() for module in model.modules() if isinstance(module, nn.Embedding)}


def _is_packable(layer: nn.Module | None, shared: set[int]) -> TypeGuard[nn.Linear]:
    if layer is None or type(layer) is not nn.Linear:  # a subclass may compute something else
        return False
    weight = layer.weight
    if weight.device.type != "cpu" or not _has_kernels(weight.dtype):
        return False
    return weight.data_ptr() not in shared or weight.nbytes <= LARGEST_COPY


def _multiplies(owner: nn.Module) -> bool:
    """Return whether a module has weights of its own; then its layers stay plain."""
    # Such a module multiplies by hand, perhaps also with its layers' weights, as Mamba's mixer does.
    return next(owner.parameters(recurse=False), None) is not None


def _has_kernels(dtype: torch.dtype) -> bool:
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32 and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _let_gelus_see_rows(model: nn.Module) -> None:
    for parent in list(model.modules()):
        for name, module in parent._modules.items():
            if isinstance(module, nn.Module) and _is_gelu(module):
                setattr(parent, name, RowsGELU())


def _is_gelu(module: nn.Module) -> bool:
    if type(module) is GELUActivation:
        return bool(module.act is nn.functional.gelu)
    return type(module) is nn.GELU and module.approximate == "none"


@torch.no_grad()
def _gives_the_same(layer: nn.Linear) -> bool:
    """Return whether the packed kernel agrees with the plain one on this machine, up to rounding."""
    random = torch.Generator().manual_seed(0)
    probe = torch.randn(PROBE_ROWS, layer.in_features, generator=random).to(layer.weight.dtype)
    relative, absolute = TOLERANCES[layer.weight.dtype]
    return torch.allclose(PackedLinear(layer)(probe), layer(probe), rtol=relative, atol=absolute)
