"""Attention that looks at each row of a batch by itself.

Kernels for attention choose their blocks by the width of a batch, padding included, and add up in another order in a
wider one. In bfloat16 that moved a probability by several hundredths. Here each row has an attention of its own, over
its own tokens, so it is computed in the same way in any company, and nothing is computed for padding.

Source: the library's attention interface, "Attention backends" in the transformers documentation; He et al.: Defeating
Nondeterminism in LLM Inference, Thinking Machines Lab, 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from bot.inference.heads.inspection.attention_backend import AttentionSwitch

_NAME = "glassbox_each_row"


@dataclass(frozen=True)
class Place:
    """Where a row stands in a batch.

    Attributes:
        sequence: in which sequence of the batch.
        tokens: where in it.
        seen: which of its tokens (second axis) each of them sees; None for all, or in a decoder for all before it.
        positions: of its tokens, (tokens,), where `seen` is given.
    """

    sequence: int
    tokens: slice
    seen: torch.Tensor | None = None
    positions: torch.Tensor | None = None

    def mask(self, window: int | None, *, causal: bool, device: torch.device) -> torch.Tensor | None:
        """Which of its tokens each of them sees; None for all of them, or with `causal` for all before it.

        Args:
            window: how far back a token sees, itself included; None for as far as there are tokens.
        """
        length = self.tokens.stop - self.tokens.start
        if window is None or length <= window:
            return self.seen
        if not causal:
            raise NotImplementedError("windows to both sides are measured in more ways than one")
        positions = torch.arange(length, device=device) if self.positions is None else self.positions
        seen = positions[:, None] >= positions if self.seen is None else self.seen
        return seen & (positions[:, None] - positions < window)


class RowAttention:
    """Attention of a model, row by row. Used on the device's thread only."""

    def __init__(self, model: PreTrainedModel) -> None:
        AttentionInterface.register(_NAME, _attend)
        self._model = model
        self._switch = AttentionSwitch(model)

    def __call__(self, places: Sequence[Place], **inputs: Any) -> Any:
        """A forward pass over a batch that has its rows in these places; what is in none of them looks at nothing.

        Raises:
            NotImplementedError, TypeError: the model's attention is of a kind that is not built here.
        """
        with self._switch.to(_NAME):
            return self._model(**inputs, each_row=places)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    each_row: Sequence[Place],
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """The attention function that the library calls; see `transformers.AttentionInterface`.

    Raises:
        NotImplementedError: the model's attention is of a kind that is not built here.
    """
    if any(others.get(name) is not None for name in ("softcap", "s_aux", "position_bias")):
        raise NotImplementedError
    if query.shape[2] != key.shape[2]:
        raise NotImplementedError
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    output = query.new_zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[3])
    grouped = query.shape[1] != key.shape[1]
    for place in each_row:
        here = slice(place.sequence, place.sequence + 1)
        queries, keys, values = (states[here, :, place.tokens] for states in (query, key, value))
        mask = place.mask(sliding_window, causal=causal, device=query.device)
        found = scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=mask,
            is_causal=causal and mask is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        output[here, place.tokens] = found.transpose(1, 2)
    return output, None
