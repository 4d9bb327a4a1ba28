"""What a layer makes of its heads' outputs: a linear map, whatever module computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bot.inference.heads.inspection.attention_calls import AttentionCall

CLOSE = 0.03
"""Of the output's length, by which a linear map may miss it: rounding in bfloat16 makes 0.005, int8 0.02."""


@dataclass(frozen=True)
class Projection:
    """The output projection of a layer's attention, float64."""

    matrix: torch.Tensor
    """(heads · size, hidden)"""
    bias: torch.Tensor
    """(hidden,)"""
    output: torch.Tensor
    """What the layer itself made, (queries, hidden)."""

    @classmethod
    def of(cls, call: AttentionCall) -> Projection | None:
        """Return what reads a call's output, or None if it is not linear."""
        if not call.readers:
            return None
        module, output = call.readers[0]
        width = call.mixed.shape[1]
        units = torch.eye(width, dtype=call.mixed.dtype, device=call.mixed.device)
        none = torch.zeros(1, width, dtype=call.mixed.dtype, device=call.mixed.device)
        bias = module(none[None])[0, 0].double()
        matrix = module(units[None])[0].double() - bias
        right = output.double()
        if (call.mixed.double() @ matrix + bias - right).norm() > CLOSE * right.norm():
            return None
        return cls(matrix, bias, right)

    def of_head(self, values: torch.Tensor, head: int, heads: int) -> torch.Tensor:
        """Return what becomes of one head's values, (tokens, size) → (tokens, hidden)."""
        size = self.matrix.shape[0] // heads
        return values @ self.matrix[head * size : (head + 1) * size]
