"""Attention that is computed for each row of a batch by itself.

Source: He et al.: Defeating Nondeterminism in LLM Inference, Thinking Machines Lab, 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.attention_backend import LayerInput


@dataclass(frozen=True)
class RowSpan:
    """A row's part of a batch: some tokens of a sequence, which is given by its index."""

    sequence: int
    tokens: slice
    seen: torch.Tensor | None = None
    """Which of its tokens (second axis) each of them sees; None for all, or in a decoder for all before it."""
    positions: torch.Tensor | None = None
    """Of its tokens, (tokens,), if `seen` is given."""

    def continues(self, row: RowSpan, sequence: int) -> bool:
        """Return whether a row in this sequence has the same tokens and sees all of them, as this one does."""
        return row.sequence == sequence and row.tokens == self.tokens and self.seen is None and row.seen is None

    def mask(self, window: int | None, *, causal: bool, device: torch.device) -> torch.Tensor | None:
        """Return which of its tokens each of them sees; None for all of them, or with `causal` for all before it."""
        length = self.tokens.stop - self.tokens.start
        if window is None or length <= window:
            return self.seen
        if not causal:
            raise NotImplementedError("windows to both sides are measured in more ways than one")
        positions = torch.arange(length, device=device) if self.positions is None else self.positions
        seen = positions[:, None] >= positions if self.seen is None else self.seen
        return seen & (positions[:, None] - positions < window)


LEAST_SHARED_WIDTH = 16
"""Values of a head. Below, PyTorch's kernel aligns each thread's memory differently, and rounds by the thread."""


@dataclass(frozen=True)
class RowAttention:
    """Attention over a batch with rows in these spans. Tokens in none of them attend to nothing."""

    # Attention kernels choose their blocks by a batch's width, padding included, and so add up in another order in a
    # wider batch: in bfloat16 that moved a probability by several hundredths. Rows of one length may share a call.

    rows: Sequence[RowSpan]

    def attend(self, inputs: LayerInput) -> torch.Tensor:
        """See `Attention.attend`."""
        query, key, value = inputs.query, inputs.key, inputs.value
        if query.shape[2] != key.shape[2]:
            raise NotImplementedError
        output = query.new_zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[3])
        grouped = query.shape[1] != key.shape[1]
        shared = min(query.shape[3], value.shape[3]) >= LEAST_SHARED_WIDTH
        for sequences, row in self._alike if shared else self._single:
            queries, keys, values = (states[sequences, :, row.tokens] for states in (query, key, value))
            mask = row.mask(inputs.window, causal=inputs.causal, device=query.device)
            causal = inputs.causal and mask is None
            attended = scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, is_causal=causal, scale=inputs.scale, enable_gqa=grouped
            )
            output[sequences, row.tokens] = attended.transpose(1, 2)
        return output

    @property
    def _single(self) -> list[tuple[slice, RowSpan]]:
        return [(slice(row.sequence, row.sequence + 1), row) for row in self.rows]

    @cached_property
    def _alike(self) -> list[tuple[slice, RowSpan]]:
        """Neighbouring sequences in which rows have the same tokens, with a row of each."""
        alike: list[tuple[slice, RowSpan]] = []
        for row in self.rows:
            if alike and alike[-1][1].continues(row, alike[-1][0].stop):
                alike[-1] = slice(alike[-1][0].start, row.sequence + 1), row
            else:
                alike.append((slice(row.sequence, row.sequence + 1), row))
        return alike
