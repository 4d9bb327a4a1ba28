"""Linear layers that read the same input, computed as one product.

An attention layer multiplies its input by three weights, a gated feed-forward layer by two. For the few rows of a step
of generation each product costs much to begin, so the weights are stacked, and whoever is asked first computes for all
of them.

Source: vLLM stacks the same layers (`QKVParallelLinear`, `MergedColumnParallelLinear`).
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
"""What the library calls the layers that a module gives the same input, in the order in which it does."""
TWO_INPUTS = frozenset({"encoder_attn", "EncDecAttention", "crossattention"})
"""What it calls attention whose queries are made of something else than its keys and values."""


class JoinedLinear(nn.Module):
    """Packed layers with the same input. Used on the device's thread only.

    Between two calls it keeps what the later layers of the group have not asked for yet, and nothing else.
    """

    def __init__(self, layers: Sequence[PackedLinear]) -> None:
        super().__init__()
        biases = [layer.bias for layer in layers if layer.bias is not None]
        self.sizes = [layer.out_features for layer in layers]
        whole = nn.Linear(layers[0].in_features, sum(self.sizes), bias=bool(biases), device="meta")
        whole.weight = nn.Parameter(torch.cat([layer.weight.to_dense() for layer in layers]), requires_grad=False)
        if biases:
            whole.bias = nn.Parameter(torch.cat([bias.detach() for bias in biases]), requires_grad=False)
        self.whole = PackedLinear(whole)
        self._inputs: torch.Tensor | None = None
        self._outputs: dict[int, torch.Tensor] = {}

    def part(self, inputs: torch.Tensor, place: int) -> torch.Tensor:
        """What the layer in this place of the group makes of `inputs`: (…, in_features) to (…, out_features)."""
        if inputs is not self._inputs or place not in self._outputs:
            self._outputs = dict(enumerate(self.whole(inputs).split(self.sizes, dim=-1)))
            self._inputs = inputs
        output = self._outputs.pop(place)
        if place == len(self.sizes) - 1:
            self._inputs, self._outputs = None, {}
        return output


class PartOfLinear(nn.Module):
    """One of the layers of a `JoinedLinear`."""

    def __init__(self, joined: JoinedLinear, place: int) -> None:
        super().__init__()
        self.joined = joined
        self.place = place
        self.in_features, self.out_features = joined.whole.in_features, joined.sizes[place]

    @property
    def weight(self) -> torch.Tensor:
        """Of all layers of the group, packed: for its data type and device."""
        return self.joined.whole.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Multiply `inputs`, (…, in_features), to (…, out_features)."""
        return self.joined.part(inputs, self.place)

    def extra_repr(self) -> str:
        """As `nn.Linear` shows itself."""
        return f"in_features={self.in_features}, out_features={self.out_features}, place={self.place}"


def join(model: nn.Module) -> int:
    """Join packed layers of a model that read the same input.

    Returns:
        How many groups there were.
    """
    found = 0
    for name, parent in list(model.named_modules()):
        if name.rpartition(".")[2] in TWO_INPUTS:
            continue
        for group in GROUPS:
            layers = [layer for part in group if isinstance(layer := parent._modules.get(part), PackedLinear)]
            if len(layers) == len(group) and _can_join(layers):
                joined = JoinedLinear(layers)
                for place, part in enumerate(group):
                    setattr(parent, part, PartOfLinear(joined, place))
                found += 1
    return found


def _can_join(layers: Sequence[PackedLinear]) -> bool:
    return len({(layer.in_features, layer.bias is None) for layer in layers}) == 1 and len(set(layers)) == len(layers)
