"""Attention of a ragged batch: the tokens of all rows stand in one sequence, and each row attends to itself only.

Each attention function also stores its keys and values in the KV cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.attention_backend import LayerInput
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.decode_attention import attend_once
from bot.inference.heads.generation.kv_cache import KVCache, KVLayer
from bot.inference.heads.generation.static_kv_cache import StaticView


@dataclass(frozen=True)
class StaticAttention:
    """Attention of a decode step in a CUDA graph."""

    view: StaticView

    def attend(self, inputs: LayerInput) -> torch.Tensor:
        """See `Attention.attend`."""
        new = (states[0].transpose(0, 1)[:, :, None] for states in (inputs.key, inputs.value))
        keys, values = self.view.update(inputs.layer, *new)
        output = _attend_grouped(inputs.query[0].transpose(0, 1), keys, values, self.view.mask, inputs.scale)
        return output.reshape(1, len(keys), inputs.query.shape[1], -1)


@dataclass(frozen=True)
class PaddedPrefill:
    """Attention of the prompts of new rows, computed at once and padded on the right."""

    # A GPU takes longer to launch an attention for each row than to compute padding.
    rows: torch.Tensor
    """Of each token, (tokens,)."""
    columns: torch.Tensor
    """Of each token in the KV cache, (tokens,)."""
    tokens: torch.Tensor
    """The index of each token among all tokens, (new rows, longest)."""
    unpadded: torch.Tensor
    """The index of each token in `tokens`, as if that were flat, (tokens,)."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, lengths: Sequence[int], old: int, end: int) -> PaddedPrefill:
        """Prepare attention of new rows of these lengths, behind so many old ones, that end before this column."""
        longest = max(lengths)
        firsts = list(accumulate(lengths, initial=old))
        tokens = [(row, position) for row, length in enumerate(lengths) for position in range(length)]
        padded = [
            [first + min(position, length - 1) for position in range(longest)]
            for first, length in zip(firsts, lengths, strict=False)
        ]
        return cls(
            checkpoint.tensor([old + row for row, _ in tokens]),
            checkpoint.tensor([end - lengths[row] + position for row, position in tokens]),
            checkpoint.tensor(padded),
            checkpoint.tensor([row * longest + position for row, position in tokens]),
        )

    def attend(self, layer: KVLayer, inputs: LayerInput) -> torch.Tensor:
        """Return attention among the tokens of each new row, (tokens, heads, size)."""
        layer_inputs = (inputs.query, inputs.key, inputs.value)
        queries, keys, values = (states[0][:, self.tokens].transpose(0, 1) for states in layer_inputs)
        for kept, states in ((layer.keys, keys), (layer.values, values)):
            kept[self.rows, :, self.columns] = states.transpose(1, 2).flatten(0, 1)[self.unpadded]
        return _attend_causally(queries, keys, values, inputs.scale).flatten(0, 1)[self.unpadded]


@dataclass(frozen=True)
class RaggedAttention:
    """Attention of a pass over the last token of each old row, then over the prompts of new rows."""

    cache: KVCache
    seen: slice
    """The columns of the old rows. The last one is that of the new tokens, and the last one of the new rows."""
    mask: torch.Tensor | None
    """Which of them each old row sees; None for all of them."""
    alone: Mapping[int, int]
    """Old rows that reach further back, with their first columns: their attention is computed one by one."""
    old: int
    """The number of old rows."""
    borders: Sequence[int]
    """The index of each new row's first token, and of the token behind the last row."""
    padding: int
    """Tokens behind all rows that mean nothing."""
    padded: PaddedPrefill | None
    """Computes the new rows at once; None if they are computed one by one."""

    def attend(self, inputs: LayerInput) -> torch.Tensor:
        """See `Attention.attend`."""
        if inputs.window is not None:
            raise NotImplementedError
        layer, query = self.cache.layer(inputs.layer, inputs.key, inputs.value), inputs.query
        outputs = [self._old_rows(layer, inputs)] if self.old else []
        outputs += self._new_rows(layer, inputs) if self.padded is None else [self.padded.attend(layer, inputs)]
        if self.padding:
            outputs.append(query.new_zeros(self.padding, query.shape[1], query.shape[3]))
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs))[None]

    def _new_rows(self, layer: KVLayer, inputs: LayerInput) -> Iterator[torch.Tensor]:
        """Yield (tokens, heads, size) for each of them."""
        end = self.seen.stop
        for row, (start, stop) in enumerate(pairwise(self.borders), self.old):
            queries, keys, values = (states[:, :, start:stop] for states in (inputs.query, inputs.key, inputs.value))
            columns = slice(end - (stop - start), end)
            layer.keys[row, :, columns], layer.values[row, :, columns] = keys[0], values[0]
            yield _attend_causally(queries, keys, values, inputs.scale)[0]

    def _old_rows(self, layer: KVLayer, inputs: LayerInput) -> torch.Tensor:
        """Return (rows, heads, size)."""
        old, end = self.old, self.seen.stop
        layer.keys[:old, :, end - 1] = inputs.key[0, :, :old].transpose(0, 1)
        layer.values[:old, :, end - 1] = inputs.value[0, :, :old].transpose(0, 1)
        keys, values = (states[:old, :, self.seen] for states in (layer.keys, layer.values))
        queries = inputs.query[0, :, :old].transpose(0, 1)
        output = _attend_grouped(queries, keys, values, self.mask, inputs.scale)
        for row, start in self.alone.items():
            slot = slice(row, row + 1)
            keys, values = (states[slot, :, start:end] for states in (layer.keys, layer.values))
            output[slot] = _attend_grouped(queries[slot], keys, values, None, inputs.scale)
        return output.reshape(old, inputs.query.shape[1], -1)


def _attend_causally(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float | None
) -> torch.Tensor:
    """Attend to all tokens before; return (rows, tokens, heads, size)."""
    output = scaled_dot_product_attention(queries, keys, values, is_causal=True, scale=scale, enable_gqa=True)
    return output.transpose(1, 2)


def _attend_grouped(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scale: float | None
) -> torch.Tensor:
    """Attend with one token of each row, (rows, heads, size); return (rows, key heads, heads that share them, size)."""
    # Heads that share keys stand on the axis of a sequence's tokens.
    grouped = queries.reshape(len(keys), keys.shape[1], -1, queries.shape[-1])
    return attend_once(grouped, keys, values, mask, scale)
