"""Linear layers whose weights lie in memory as the CPU's matrix kernels read them.

PyTorch keeps a weight row by row, and oneDNN rearranges it into blocks for every call. For the few rows of a chat
message, or of a step of generation, that costs about as much as the multiplication. Rearranged once, after loading, the
same kernels give the same numbers in a half to nine tenths of the time (docs/PERFORMANCE.md has the figures).

Source: oneDNN's developer guide, "Memory Format Propagation"; PyTorch's Inductor packs weights in the same way when it
freezes a model for the CPU.

A row's product is the same among any number of rows, to the last bit (a probe of each checkpoint looks, see
`batch_invariance`). PyTorch's plain float32 layers do not keep that, so float32 is packed too.

For each number of rows oneDNN makes kernels of their own. That takes milliseconds, several times as long as the product
itself, and up to a megabyte of memory. Chat messages have any number of tokens, so rows are filled up to one of few
numbers. Filling up copies the input of every layer; heads spare that where they can, with batches of such a width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn
from transformers.activations import GELUActivation

LARGEST_COPY = 2**27
"""Bytes. The output layer often shares its weight with the embedding, which must stay as it is: packing copies it."""
PROBE_ROWS = 4
TOLERANCES = {torch.bfloat16: (2**-7, 2**-9), torch.float32: (1e-4, 1e-4)}
"""Relative and absolute: how far packed and plain products may be apart."""
SIZES = 8
"""Numbers of rows that kernels are made for, between a power of two and the next."""


class PackedLinear(nn.Module):
    """An `nn.Linear` for inference on the CPU.

    Attributes:
        weight: the packed weight, (out_features, in_features), in oneDNN's own layout; `weight.to_dense()` unpacks it.
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
        """Multiply `inputs`, (…, in_features), to (…, out_features)."""
        if torch.is_grad_enabled() and inputs.requires_grad:
            output: torch.Tensor = _Product.apply(inputs, self.weight, self.bias)  # type: ignore[no-untyped-call]
        else:
            output = _product(inputs, self.weight, self.bias)
        return output

    def extra_repr(self) -> str:
        """As `nn.Linear` shows itself."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class RowsGELU(nn.Module):
    """A GELU that takes its input, (…, size), as a matrix.

    oneDNN makes a kernel for each shape of a tensor, and batches have far more shapes than numbers of rows.
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same numbers as `torch.nn.functional.gelu`, in the same shape."""
        output: torch.Tensor = nn.functional.gelu(inputs.reshape(-1, inputs.shape[-1]))
        return output.view(inputs.shape)


class _Product(torch.autograd.Function):
    """The packed product with a gradient for its inputs (attributions). The weight is a constant."""

    @staticmethod
    def forward(context: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        context.weight = weight  # no activation: it lives as long as its layer
        return _product(inputs, weight, bias)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """The weight is unpacked here, for one layer at a time.

        The gradient is taken as one matrix: PyTorch multiplies a part of a batch, such as the last token of each text,
        by as many copies of the weight.
        """
        [gradient] = gradients
        product = gradient.reshape(-1, gradient.shape[-1]) @ context.weight.to_dense().to(gradient.dtype)
        return product.reshape(*gradient.shape[:-1], product.shape[-1]), None, None


def _product(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if inputs.dtype != weight.dtype:  # a model that was converted after loading: the packed weight stays as it is
        return nn.functional.linear(inputs, weight.to_dense().to(inputs.dtype), bias)

    def multiply(rows: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
        return output

    return with_rows_filled_up(multiply, inputs)


def with_rows_filled_up(multiply: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Apply a linear layer to `inputs`, (…, in_features), in one of few numbers of rows."""
    rows = inputs.numel() // inputs.shape[-1]
    # For a single row in float32 oneDNN may add up in parts, which rounds otherwise than for several.
    least = 2 if rows and inputs.dtype == torch.float32 else 0
    missing = max(least, filled_up(rows)) - rows
    if not missing:
        return multiply(inputs)
    filled = inputs.new_empty(rows + missing, inputs.shape[-1])  # what is in the other rows changes nothing
    filled[:rows] = inputs.reshape(rows, -1)
    return multiply(filled)[:rows].view(*inputs.shape[:-1], -1)


def filled_up(rows: int) -> int:
    """The next number of rows that kernels are made for: up to 16 all, then eighths of octaves (18, 20 … 32, 36 …)."""
    step = 1 << max(0, (rows - 1).bit_length() - SIZES.bit_length())
    return -(-rows // step) * step


def pack(model: nn.Module) -> int:
    """Replace the linear layers of a model on the CPU by packed ones, where their numbers stay the same.

    Returns:
        How many layers were replaced.
    """
    shared = _shared_weights(model)
    layers = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent._modules.items()  # named_children() leaves out what stands in two places
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
    """Memory of the packed weights of a model, which are not among its parameters."""
    layers = [module for module in model.modules() if isinstance(module, PackedLinear)]
    return sum(layer.in_features * layer.out_features * layer.weight.element_size() for layer in layers)


def _shared_weights(model: nn.Module) -> set[int]:
    """Addresses of the weights that an embedding uses too."""
    return {module.weight.data_ptr() for module in model.modules() if isinstance(module, nn.Embedding)}


def _is_packable(layer: nn.Module | None, shared: set[int]) -> TypeGuard[nn.Linear]:
    if layer is None or type(layer) is not nn.Linear:  # whatever derives from it may do something else
        return False
    weight = layer.weight
    if weight.device.type != "cpu" or not _has_kernels(weight.dtype):
        return False
    return weight.data_ptr() not in shared or weight.nbytes <= LARGEST_COPY


def _multiplies(owner: nn.Module) -> bool:
    """Whether a module has weights of its own, beside its layers. It multiplies by hand then, and may do so with its
    layers' weights as well, as Mamba's mixer does: these stay plain."""
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
    """Whether the packed kernel agrees with the plain one on this machine, but for rounding."""
    random = torch.Generator().manual_seed(0)
    probe = torch.randn(PROBE_ROWS, layer.in_features, generator=random).to(layer.weight.dtype)
    relative, absolute = TOLERANCES[layer.weight.dtype]
    return torch.allclose(PackedLinear(layer)(probe), layer(probe), rtol=relative, atol=absolute)
