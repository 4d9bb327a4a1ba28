"""Linear layers that read the same input, computed as one product.

Source: vLLM's `QKVParallelLinear` and `MergedColumnParallelLinear`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bot.inference.compute.packed_linear import PackedLinear

GROUPS = (
    ("q_proj", "k_proj", "v_proj"),
    ("q_lin", "k_lin", "v_lin"),
    ("query", "key", "value"),
    ("q", "k", "v"),
    ("gate_proj", "up_proj"),
    ("wi_0", "wi_1"),
)
"""Names in transformers of layers that read the same input, in the order of their calls."""
TWO_INPUTS = frozenset({"encoder_attn", "EncDecAttention", "crossattention"})
"""Names of cross-attention, which makes queries and keys from different inputs."""


class FusedLinear(nn.Module):
    """Packed layers with the same input. Caches outputs until every layer has read its slice."""

    def __init__(self, layers: Sequence[PackedLinear]) -> None:
        super().__init__()
        # For the few rows of a decode step, starting a product costs the most: one product replaces two or three.
        biases = [layer.bias for layer in layers if layer.bias is not None]
        self.sizes = [layer.out_features for layer in layers]
        whole = nn.Linear(layers[0].in_features, sum(self.sizes), bias=bool(biases), device="meta")
        whole.weight = nn.Parameter(torch.cat([layer.weight.to_dense() for layer in layers]), requires_grad=False)
        if biases:
            whole.bias = nn.Parameter(torch.cat([bias.detach() for bias in biases]), requires_grad=False)
        self.whole = PackedLinear(whole)
        self._inputs: torch.Tensor | None = None
        self._outputs: dict[int, torch.Tensor] = {}

    def part(self, inputs: torch.Tensor, index: int) -> torch.Tensor:
        """Map (…, in_features) to the (…, out_features) of one layer; the first call computes those of all."""
        if inputs is not self._inputs or index not in self._outputs:
            self._outputs = dict(enumerate(self.whole(inputs).split(self.sizes, dim=-1)))
            self._inputs = inputs
        output = self._outputs.pop(index)
        if index == len(self.sizes) - 1:
            self._inputs, self._outputs = None, {}
        return output


class FusedLinearPart(nn.Module):
    """One of the layers of a `FusedLinear`."""

    def __init__(self, fused: FusedLinear, index: int) -> None:
        super().__init__()
        self.fused = fused
        self.index = index
        self.in_features, self.out_features = fused.whole.in_features, fused.sizes[index]

    @property
    def weight(self) -> torch.Tensor:
        """The packed weight of the whole group."""
        return self.fused.whole.weight  # models read its data type and device

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (…, in_features) to (…, out_features)."""
        return self.fused.part(inputs, self.index)

    def extra_repr(self) -> str:
        """Return the sizes, as `nn.Linear` does."""
        return f"in_features={self.in_features}, out_features={self.out_features}, index={self.index}"


def fuse(model: nn.Module) -> int:
    """Fuse the packed layers of a model that read the same input; return the number of groups."""
    groups = 0
    for name, parent in list(model.named_modules()):
        if name.rpartition(".")[2] in TWO_INPUTS:
            continue
        for group in GROUPS:
            layers = [layer for part in group if isinstance(layer := parent._modules.get(part), PackedLinear)]
            if len(layers) == len(group) and _can_fuse(layers):
                fused = FusedLinear(layers)
                for index, part in enumerate(group):
                    setattr(parent, part, FusedLinearPart(fused, index))
                groups += 1
    return groups


def _can_fuse(layers: Sequence[PackedLinear]) -> bool:
    return len({(layer.in_features, layer.bias is None) for layer in layers}) == 1 and len(set(layers)) == len(layers)
