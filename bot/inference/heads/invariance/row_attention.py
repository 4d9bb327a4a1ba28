"""Attention that is computed for each row of a batch by itself.

Attention kernels choose their blocks by the width of a batch, padding included, and so add up in another order in a
wider one: in bfloat16 that moved a probability by several hundredths. An attention of its own makes a row's numbers
independent of the batch, and nothing is computed for padding.

Source: He et al.: Defeating Nondeterminism in LLM Inference, Thinking Machines Lab, 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.attention_backend import LayerInput


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
        """Return which of its tokens each of them sees; None for all of them, or with `causal` for all before it."""
        length = self.tokens.stop - self.tokens.start
        if window is None or length <= window:
            return self.seen
        if not causal:
            raise NotImplementedError("windows to both sides are measured in more ways than one")
        positions = torch.arange(length, device=device) if self.positions is None else self.positions
        seen = positions[:, None] >= positions if self.seen is None else self.seen
        return seen & (positions[:, None] - positions < window)


@dataclass(frozen=True)
class RowAttention:
    """Attention over a batch with rows in these spans; tokens in none of them attend to nothing."""

    rows: Sequence[RowSpan]

    def attend(self, given: LayerInput) -> torch.Tensor:
        """See `Attention.attend`."""
        query, key, value = given.query, given.key, given.value
        if query.shape[2] != key.shape[2]:
            raise NotImplementedError
        output = query.new_zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[3])
        grouped = query.shape[1] != key.shape[1]
        for row in self.rows:
            sequence = slice(row.sequence, row.sequence + 1)
            queries, keys, values = (states[sequence, :, row.tokens] for states in (query, key, value))
            mask = row.mask(given.window, causal=given.causal, device=query.device)
            found = scaled_dot_product_attention(
                queries,
                keys,
                values,
                attn_mask=mask,
                is_causal=given.causal and mask is None,
                scale=given.scale,
                enable_gqa=grouped,
            )
            output[sequence, row.tokens] = found.transpose(1, 2)
        return output
