"""Attention of a ragged batch: the tokens of all rows stand in one sequence, and each row attends to itself only.

The classes here compute a layer's attention in one forward pass, from queries, keys and values of shape (1, heads,
tokens, size) to (1, tokens, heads, size), and keep the keys and values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.kv_cache import KVCache, KVLayer
from bot.inference.heads.generation.static_kv_cache import StaticView


class PassAttention(Protocol):
    """Computes attention in one forward pass."""

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Return a layer's attention, (1, tokens, heads, size)."""
        ...


@dataclass(frozen=True)
class StaticAttention:
    """Attention of a decode step in a CUDA graph."""

    view: StaticView

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """See `PassAttention.attend`."""
        new = (states[0].transpose(0, 1)[:, :, None] for states in (key, value))
        keys, values = self.view.update(layer, *new)
        output = _attend_grouped(query[0].transpose(0, 1), keys, values, self.view.mask, scale)
        return output.reshape(1, len(keys), query.shape[1], -1)


@dataclass(frozen=True)
class PaddedPrefill:
    """Prompts of new rows whose attention is computed at once, padded on the right.

    Attributes:
        rows: of each token, (tokens,).
        columns: of each token in the KV cache, (tokens,).
        tokens: the index of each token among all tokens, (new rows, longest).
        kept: the index of each token in that, as if it were flat, (tokens,).
    """

    # A GPU takes longer to launch an attention for each row than to compute padding.
    rows: torch.Tensor
    columns: torch.Tensor
    tokens: torch.Tensor
    kept: torch.Tensor

    @classmethod
    def of(cls, checkpoint: Checkpoint, lengths: Sequence[int], old: int, end: int) -> PaddedPrefill:
        """Make it for new rows of these lengths, behind so many old ones, that end before this column."""
        longest = max(lengths)
        firsts = list(accumulate(lengths, initial=old))[:-1]
        tokens = [(row, position) for row, length in enumerate(lengths) for position in range(length)]
        return cls(
            checkpoint.tensor([old + row for row, _ in tokens]),
            checkpoint.tensor([end - lengths[row] + position for row, position in tokens]),
            checkpoint.tensor(
                [
                    [first + min(position, length - 1) for position in range(longest)]
                    for first, length in zip(firsts, lengths, strict=True)
                ]
            ),
            checkpoint.tensor([row * longest + position for row, position in tokens]),
        )

    def attend(
        self, layer: KVLayer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Return attention among the tokens of each new row, (tokens, heads, size)."""
        queries, keys, values = (states[0][:, self.tokens].transpose(0, 1) for states in (query, key, value))
        for kept, states in ((layer.keys, keys), (layer.values, values)):
            kept[self.rows, :, self.columns] = states.transpose(1, 2).flatten(0, 1)[self.kept]
        output = scaled_dot_product_attention(queries, keys, values, is_causal=True, scale=scale, enable_gqa=True)
        return output.transpose(1, 2).flatten(0, 1)[self.kept]


@dataclass(frozen=True)
class RaggedAttention:
    """Attention of a pass over the last token of each old row, and over the prompts of new ones after these.

    Attributes:
        seen: the columns of the old rows, with the new token's, which is also the last of the new rows.
        mask: which of them each old row sees; None for all of them.
        alone: old rows that reach further back, with their first columns: their attention is computed one by one.
        old: the number of old rows.
        lengths: of the new rows' prompts.
        filling: tokens behind them that mean nothing.
        padded: computes the new rows at once, unless one by one.
        borders: the first token of each new row among all tokens, and the one behind the last.
    """

    cache: KVCache
    seen: slice
    mask: torch.Tensor | None
    alone: Mapping[int, int]
    old: int
    lengths: Sequence[int]
    filling: int
    padded: PaddedPrefill | None
    borders: list[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "borders", list(accumulate(self.lengths, initial=self.old)))

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """See `PassAttention.attend`."""
        kept = self.cache.layer(layer, key, value)
        outputs = [self._old_rows(kept, query, key, value, scale)] if self.old else []
        if self.padded is not None:
            outputs.append(self.padded.attend(kept, query, key, value, scale))
        else:
            outputs += self._new_rows(kept, query, key, value, scale)
        if self.filling:
            outputs.append(query.new_zeros(self.filling, query.shape[1], query.shape[3]))
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs))[None]

    def _new_rows(
        self, layer: KVLayer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> Iterator[torch.Tensor]:
        """Yield (tokens, heads, size) for each of them."""
        for row, (start, stop) in enumerate(pairwise(self.borders), self.old):
            keys, values = key[:, :, start:stop], value[:, :, start:stop]
            columns = slice(self.seen.stop - (stop - start), self.seen.stop)
            layer.keys[row, :, columns], layer.values[row, :, columns] = keys[0], values[0]
            states = query[:, :, start:stop]
            output = scaled_dot_product_attention(states, keys, values, is_causal=True, scale=scale, enable_gqa=True)
            yield output[0].transpose(0, 1)

    def _old_rows(
        self, layer: KVLayer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Return (rows, heads, size)."""
        layer.keys[: self.old, :, self.seen.stop - 1] = key[0, :, : self.old].transpose(0, 1)
        layer.values[: self.old, :, self.seen.stop - 1] = value[0, :, : self.old].transpose(0, 1)
        keys, values = (states[: self.old, :, self.seen] for states in (layer.keys, layer.values))
        queries = query[0, :, : self.old].transpose(0, 1)
        output = _attend_grouped(queries, keys, values, self.mask, scale)
        for row, start in self.alone.items():
            one = slice(row, row + 1)
            keys, values = (each[one, :, start : self.seen.stop] for each in (layer.keys, layer.values))
            output[one] = _attend_grouped(queries[one], keys, values, None, scale)
        return output.reshape(self.old, query.shape[1], -1)


def _attend_grouped(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scale: float | None
) -> torch.Tensor:
    """Attend with one token of each row, (rows, heads, size); return (rows, key heads, heads that share them, size)."""
    # Heads that share keys stand on the axis of a sequence's tokens.
    grouped = queries.reshape(len(keys), keys.shape[1], -1, queries.shape[-1])
    return scaled_dot_product_attention(grouped, keys, values, attn_mask=mask, scale=scale)
