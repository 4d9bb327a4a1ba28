"""Attention that is computed for each row of a batch by itself.

Attention kernels choose their blocks by the width of a batch, padding included, and so add up in another order in a
wider one: in bfloat16 that moved a probability by several hundredths. An attention of its own makes a row's numbers
independent of the batch, and nothing is computed for padding.

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

from bot.inference.heads.attention_backend import AttentionSwitch

_NAME = "glassbox_row_attention"


@dataclass(frozen=True)
class RowSpan:
    """The part of a batch that one row takes.

    Attributes:
        sequence: the index of its sequence in the batch.
        tokens: its tokens in that sequence.
        seen: which of its tokens (second axis) each of them sees; None for all, or in a decoder for all before it.
        positions: of its tokens, (tokens,), if `seen` is given.
    """

    sequence: int
    tokens: slice
    seen: torch.Tensor | None = None
    positions: torch.Tensor | None = None

    def mask(self, window: int | None, *, causal: bool, device: torch.device) -> torch.Tensor | None:
        """Return which of its tokens each of them sees; None for all of them, or with `causal` for all before it.

        Args:
            window: how many tokens back a token sees, itself included; None for all.
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
    """Forward passes of a model with attention row by row. Used on the device's thread only."""

    def __init__(self, model: PreTrainedModel) -> None:
        AttentionInterface.register(_NAME, _attend)
        self._model = model
        self._switch = AttentionSwitch(model)

    def __call__(self, rows: Sequence[RowSpan], **inputs: Any) -> Any:
        """Run a forward pass over a batch with rows in these spans; tokens in none of them attend to nothing.

        Raises:
            NotImplementedError, TypeError: the model's attention is of a kind that is not built here.
        """
        with self._switch.to(_NAME):
            return self._model(**inputs, row_spans=rows)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    row_spans: Sequence[RowSpan],
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attend as the library asks, see `transformers.AttentionInterface`.

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
    for row in row_spans:
        sequence = slice(row.sequence, row.sequence + 1)
        queries, keys, values = (states[sequence, :, row.tokens] for states in (query, key, value))
        mask = row.mask(sliding_window, causal=causal, device=query.device)
        found = scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=mask,
            is_causal=causal and mask is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        output[sequence, row.tokens] = found.transpose(1, 2)
    return output, None
