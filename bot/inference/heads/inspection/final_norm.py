"""The normalisation behind the last layer, held as it is for one token, so that it is linear."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

CLOSE = 0.02
"""Of the output's length, by which ours may differ: rounding in bfloat16 makes 0.002."""


@dataclass(frozen=True)
class FinalNorm:
    """A layer normalisation, or one by the root mean square, with the scale that it has for one vector."""

    scale: torch.Tensor
    """(hidden,), float64."""
    is_centred: bool
    """The mean of a vector's numbers is subtracted first."""

    @classmethod
    def of(cls, module: nn.Module, vector: torch.Tensor, output: torch.Tensor) -> FinalNorm | None:
        """Return what a module does to a vector, (hidden,), of which it makes `output`; None if it is another kind."""
        weight, epsilon = getattr(module, "weight", None), _epsilon(module)
        if not isinstance(weight, torch.Tensor) or weight.shape != vector.shape:
            return None
        bias, is_centred = getattr(module, "bias", None), isinstance(module, nn.LayerNorm)
        shifted = vector.double() - (vector.double().mean() if is_centred else 0)
        size = (shifted.square().mean() + epsilon).sqrt()
        right = output.double() - (0 if bias is None else bias.double())
        for factor in (weight.double(), 1 + weight.double()):  # Gemma keeps what is added to 1
            if (factor * shifted / size - right).norm() <= CLOSE * right.norm():
                return cls(factor / size, is_centred)
        return None

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the shares of vectors, (vectors, hidden), float64, in what the normalisation makes of their sum.

        Its bias is in none of them.
        """
        return self.scale * (vectors - vectors.mean(dim=-1, keepdim=True) if self.is_centred else vectors)


def _epsilon(module: nn.Module) -> float:
    found = (getattr(module, name, None) for name in ("eps", "variance_epsilon", "epsilon"))
    return next((float(one) for one in found if isinstance(one, float)), 0.0)
