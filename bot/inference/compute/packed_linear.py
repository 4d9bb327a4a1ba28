"""Linear layers whose weights are stored in the layout that the CPU's matrix kernels read.

Source: oneDNN's developer guide, "Memory Format Propagation"; PyTorch's Inductor packs weights in the same way when it
freezes a model for the CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn
from transformers.activations import GELUActivation

LARGEST_COPY = 2**27
"""Bytes of the largest shared weight that is packed. Packing copies it, because an embedding uses it too."""
BEFORE_GELU = (
    ("lin1", "activation"),
    ("dense", "intermediate_act_fn"),
    ("dense", "transform_act_fn"),
    ("fc1", "activation_fn"),
)
"""Names in transformers of a layer, and of the activation through which all of its outputs go."""
PROBE_ROWS = 4
TOLERANCES = {torch.bfloat16: (2**-7, 2**-9), torch.float32: (1e-4, 1e-4)}
"""Relative and absolute difference allowed between packed and plain products."""
SIZES = 8
"""Buckets between a power of two and the next (see `bucket`)."""


class PackedLinear(nn.Module):
    """An `nn.Linear` for inference on the CPU. No row's product depends on the number of rows."""

    weight: torch.Tensor
    """(out_features, in_features), in oneDNN's layout; `weight.to_dense()` unpacks it."""
    bias: torch.Tensor | None
    """(out_features,)"""
    gelu: bool
    """Whether GELU is applied to its output."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.gelu = False
        self.in_features, self.out_features = layer.in_features, layer.out_features
        # oneDNN rearranges a plain weight into blocks at every call. For a few rows, such as those of a decode step,
        # that costs about as much as the multiplication. Packed once, the weight gives the same numbers in a half to
        # nine tenths of the time.
        # Not a buffer: nothing may move it to another device or data type.
        self.__dict__["weight"] = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.bias = layer.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (…, in_features) to (…, out_features)."""
        if torch.is_grad_enabled() and inputs.requires_grad:
            output: torch.Tensor = _Product.apply(inputs, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return nn.functional.gelu(output) if self.gelu else output
        return _product(inputs, self.weight, self.bias, gelu=self.gelu)

    def extra_repr(self) -> str:
        """Return the sizes, as `nn.Linear` does."""
        sizes = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        return f"{sizes}, gelu=True" if self.gelu else sizes


class RowsGELU(nn.Module):
    """A GELU that flattens its input, (…, size), to a matrix."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute `torch.nn.functional.gelu`."""
        # oneDNN makes a kernel for each shape, and batches have far more shapes than matrices have numbers of rows.
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


def _product(
    inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *, gelu: bool = False
) -> torch.Tensor:
    if inputs.dtype != weight.dtype:  # the model was converted after loading; the packed weight was not
        output = nn.functional.linear(inputs, weight.to_dense().to(inputs.dtype), bias)
        return nn.functional.gelu(output) if gelu else output
    follows = "gelu" if gelu else "none"

    def multiply(rows: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, follows, [], "none")
        return output

    return with_padded_rows(multiply, inputs)


def with_padded_rows(multiply: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Apply a linear layer to `inputs`, (…, in_features), padded to a bucket of rows."""
    rows = inputs.numel() // inputs.shape[-1]
    # A single row in float32 may be summed in parts, which rounds differently than several rows.
    least = 2 if rows and inputs.dtype == torch.float32 else 0
    missing = max(least, bucket(rows)) - rows
    if not missing:
        return multiply(inputs)
    # This copies every layer's input, so heads avoid it with batches whose padded length is a bucket.
    padded = inputs.new_empty(rows + missing, inputs.shape[-1])
    padded[:rows] = inputs.reshape(rows, -1)
    return multiply(padded)[:rows].view(*inputs.shape[:-1], -1)


def bucket(rows: int) -> int:
    """Round a number of rows up to one that has kernels: all up to 16, then eighths of octaves (18, 20 … 32, 36 …)."""
    # For each new number of rows oneDNN makes kernels: milliseconds, and up to a megabyte of memory.
    step = 1 << max(0, (rows - 1).bit_length() - SIZES.bit_length())
    return -(-rows // step) * step


def pack(model: nn.Module) -> int:
    """Pack a model's linear layers on the CPU if their numbers stay the same; return how many were replaced."""
    shared = {module.weight.data_ptr() for module in model.modules() if isinstance(module, nn.Embedding)}
    layers = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent._modules.items()  # named_children() skips a module's second occurrence
        if _is_packable(layer, shared) and not _multiplies(parent)
    ]
    is_exact: dict[torch.Size, bool] = {}
    replaced: dict[int, PackedLinear] = {}
    for parent, name, layer in layers:
        if layer.weight.shape not in is_exact:
            is_exact[layer.weight.shape] = _gives_the_same(layer)
        if is_exact[layer.weight.shape]:
            if id(layer) not in replaced:
                replaced[id(layer)] = PackedLinear(layer)
            setattr(parent, name, replaced[id(layer)])
    if replaced:
        _fuse_gelus(model)
        _flatten_gelus(model)
    return len(replaced)


def packed_bytes(model: nn.Module) -> int:
    """Return the bytes of a model's packed weights, which are not among its parameters."""
    layers = [module for module in model.modules() if isinstance(module, PackedLinear)]
    return sum(layer.in_features * layer.out_features * layer.weight.element_size() for layer in layers)


def _is_packable(layer: nn.Module | None, shared: set[int]) -> TypeGuard[nn.Linear]:
    if layer is None or type(layer) is not nn.Linear:  # a subclass may compute something else
        return False
    weight = layer.weight
    if weight.device.type != "cpu" or not _has_kernels(weight.dtype):
        return False
    return weight.data_ptr() not in shared or weight.nbytes <= LARGEST_COPY


def _multiplies(parent: nn.Module) -> bool:
    """Return whether a module has weights of its own, besides its layers'."""
    # It multiplies by hand then, perhaps also with its layers' weights, as Mamba's mixer does.
    return next(parent.parameters(recurse=False), None) is not None


def _has_kernels(dtype: torch.dtype) -> bool:
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32 and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _fuse_gelus(model: nn.Module) -> None:
    """Have linear layers apply the GELU that follows them, as one operation on numbers that are in the cache."""
    parents = Counter(id(layer) for parent in model.modules() for layer in parent._modules.values())
    for parent in list(model.modules()):
        for name, follows in BEFORE_GELU:
            layer, module = parent._modules.get(name), parent._modules.get(follows)
            if not isinstance(layer, PackedLinear) or parents[id(layer)] > 1:  # elsewhere, something else may follow
                continue
            if isinstance(module, nn.Module) and _is_gelu(module):
                layer.gelu = True
                setattr(parent, follows, nn.Identity())


def _flatten_gelus(model: nn.Module) -> None:
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
