"""How attention looks at each row by itself, where the tokens of all rows stand in one sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.generation.kv_cache import Columns, Layer
from bot.inference.heads.generation.static_kv_cache import Window

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


@dataclass(frozen=True)
class RepeatedStep:
    """Attention of a step that is recorded."""

    window: Window

    def attend(
        self, place: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Attention of a layer: (1, heads, rows, size) to (1, rows, heads, size)."""
        self.window.put(place, key[0].transpose(0, 1)[:, :, None], value[0].transpose(0, 1)[:, :, None])
        keys, values = self.window.see(place)
        # Heads that share keys stand where a sequence's tokens would.
        states = query[0].transpose(0, 1).reshape(len(keys), keys.shape[1], -1, query.shape[-1])
        output = scaled_dot_product_attention(states, keys, values, attn_mask=self.window.mask, scale=scale)
        return output.reshape(1, len(keys), query.shape[1], -1)


@dataclass(frozen=True)
class NewRows:
    """New rows whose attention is computed at once: a GPU takes longer to begin with each of them than to compute
    padding. That is on the right, so that nobody looks at it.

    Attributes:
        rows: of each token, (tokens,).
        columns: where its keys and values are kept, (tokens,).
        tokens: which of all tokens stands where, (new rows, longest).
        kept: where each token stands there, (tokens,), as if it were flat.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    tokens: torch.Tensor
    kept: torch.Tensor

    @classmethod
    def of(cls, head: Head, lengths: Sequence[int], old: int, end: int) -> NewRows:
        """New rows of these lengths, behind so many old ones, that end before this column."""
        longest = max(lengths)
        firsts = list(accumulate(lengths, initial=old))[:-1]
        places = [(row, place) for row, length in enumerate(lengths) for place in range(length)]
        return cls(
            head.tensor([old + row for row, _ in places]),
            head.tensor([end - lengths[row] + place for row, place in places]),
            head.tensor(
                [
                    [first + min(place, length - 1) for place in range(longest)]
                    for first, length in zip(firsts, lengths, strict=True)
                ]
            ),
            head.tensor([row * longest + place for row, place in places]),
        )

    def attend(
        self, layer: Layer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Attention among the tokens of each new row: (1, heads, all tokens, size) to (tokens, heads, size)."""
        queries, keys, values = (states[0][:, self.tokens].transpose(0, 1) for states in (query, key, value))
        for kept, states in ((layer.keys, keys), (layer.values, values)):
            kept[self.rows, :, self.columns] = states.transpose(1, 2).flatten(0, 1)[self.kept]
        output = scaled_dot_product_attention(queries, keys, values, is_causal=True, scale=scale, enable_gqa=True)
        return output.transpose(1, 2).flatten(0, 1)[self.kept]


@dataclass(frozen=True)
class RaggedStep:
    """A forward pass over the last token of each old row, and over the prompts of new ones after these.

    Attributes:
        seen: the columns of the old rows, with the new token's, which is also the last of the new rows.
        mask: which of them each old row sees; None for all of them.
        alone: old rows that reach further back, with their first columns: their attention is computed one by one.
        old: how many old rows there are.
        lengths: of the new rows' prompts.
        filling: tokens behind them that mean nothing.
        at_once: how attention of the new rows is computed, where not one by one.
        borders: where each of these begins and the last ends, in the sequence of all tokens.
    """

    columns: Columns
    seen: slice
    mask: torch.Tensor | None
    alone: Mapping[int, int]
    old: int
    lengths: Sequence[int]
    filling: int
    at_once: NewRows | None
    borders: list[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "borders", list(accumulate(self.lengths, initial=self.old)))

    def attend(
        self, place: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Attention of a layer: (1, heads, tokens, size) to (1, tokens, heads, size)."""
        layer = self.columns.layer(place, key, value)
        outputs = [self._old_rows(layer, query, key, value, scale)] if self.old else []
        if self.at_once is not None:
            outputs.append(self.at_once.attend(layer, query, key, value, scale))
        else:
            outputs += self._new_rows(layer, query, key, value, scale)
        if self.filling:
            outputs.append(query.new_zeros(self.filling, query.shape[1], query.shape[3]))
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs))[None]

    def _new_rows(
        self, layer: Layer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> Iterator[torch.Tensor]:
        """One by one, (tokens, heads, size)."""
        for row, (start, stop) in enumerate(pairwise(self.borders), self.old):
            keys, values = key[:, :, start:stop], value[:, :, start:stop]
            columns = slice(self.seen.stop - (stop - start), self.seen.stop)
            layer.keys[row, :, columns], layer.values[row, :, columns] = keys[0], values[0]
            states = query[:, :, start:stop]
            output = scaled_dot_product_attention(states, keys, values, is_causal=True, scale=scale, enable_gqa=True)
            yield output[0].transpose(0, 1)

    def _old_rows(
        self, layer: Layer, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """(rows, heads, size). Heads that share keys stand where a sequence's tokens would."""
        layer.keys[: self.old, :, self.seen.stop - 1] = key[0, :, : self.old].transpose(0, 1)
        layer.values[: self.old, :, self.seen.stop - 1] = value[0, :, : self.old].transpose(0, 1)
        keys, values = (states[: self.old, :, self.seen] for states in (layer.keys, layer.values))
        states = query[0, :, : self.old].transpose(0, 1).reshape(self.old, keys.shape[1], -1, query.shape[-1])
        output = scaled_dot_product_attention(states, keys, values, attn_mask=self.mask, scale=scale)
        for row, start in self.alone.items():
            here = slice(row, row + 1)
            keys, values = (each[here, :, start : self.seen.stop] for each in (layer.keys, layer.values))
            output[here] = scaled_dot_product_attention(states[here], keys, values, scale=scale)
        return output.reshape(self.old, query.shape[1], -1)
