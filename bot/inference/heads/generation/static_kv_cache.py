"""A static KV cache: a CUDA graph reads and writes the same memory each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.kv_cache import KeysAndValues, KVCache

WIDTH = 128
"""Columns: a CUDA graph reads a multiple of so many."""


class StaticKVCache(KVCache):
    """A KV cache whose memory stays in its place as long as it suffices, also while there are no rows.

    Attributes:
        reserved: how often other memory has been taken.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.allocations = 0

    @property
    def width(self) -> int:
        """The number of columns that are read, from the first one on."""
        return _up_to(self.end)

    @property
    def bytes(self) -> int:
        """Of the keys and values of all layers."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers.values())

    def padded(self, rows: int) -> tuple[list[int], list[int]]:
        """Return each row's first column and last position, and 0 for rows that are missing to so many."""
        missing = [0] * (rows - len(self.starts))
        return self.starts + missing, self.positions + missing

    def keep(self, slots: Sequence[int]) -> None:
        """Forget all rows but those in these slots, in this order; the memory stays."""
        if slots:
            super().keep(slots)
        else:
            self.starts, self.end = [], 0

    def free(self) -> None:
        """Let go of the memory."""
        self.layers, self.capacity = {}, (0, 0)
        self.allocations += 1

    def _fits(self, rows: int, width: int, end: int) -> bool:
        # Columns that all rows have left behind are soon read no more: fewer of them would do.
        return super()._fits(rows, width, end) and _up_to(end) == _up_to(width)

    def _rearrange(self, rows: int, width: int, shift: int) -> None:
        if super()._fits(rows, width, width):
            for layer in self.layers.values():
                layer.shift(len(self.starts), self.used, shift)
            return
        self.capacity = (power_of_two(max(rows, self.capacity[0])), max(_up_to(width), self.capacity[1]))
        self.allocations += 1
        self._move(shift)


@dataclass(frozen=True)
class StaticView:
    """The part of a static KV cache that a CUDA graph sees.

    Attributes:
        rows: the most rows.
        width: the number of columns, from the first one on.
        column: of the new token, (1,), if one is added.
        mask: which columns each row sees, (rows, 1, 1, width).
        distance: see `KVCache.distance`.
    """

    cache: StaticKVCache
    rows: int
    width: int
    column: torch.Tensor
    mask: torch.Tensor
    distance: torch.Tensor | int

    @classmethod
    def of(
        cls, cache: StaticKVCache, starts: torch.Tensor, last: torch.Tensor, distance: torch.Tensor | int = 0
    ) -> StaticView:
        """Return what rows with these first columns, (rows,), see up to their last one, (1,), and including it."""
        columns = torch.arange(cache.width, device=starts.device)
        mask = ((columns >= starts[:, None]) & (columns <= last))[:, None, None]
        return cls(cache, len(starts), cache.width, last, mask, distance)

    def update(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Store a token of each row, (rows, heads, 1, size); return everything as `read` does."""
        kept = self.cache.layer(layer, keys, values)
        kept.keys[: self.rows].index_copy_(2, self.column, keys)
        kept.values[: self.rows].index_copy_(2, self.column, values)
        return self.read(layer)

    def read(self, layer: int) -> KeysAndValues:
        """Return keys and values of a layer."""
        kept = self.cache.layers[layer]
        return kept.keys[: self.rows, :, : self.width], kept.values[: self.rows, :, : self.width]


def power_of_two(rows: int) -> int:
    """Return the smallest power of two that isn't smaller."""
    return 1 << (rows - 1).bit_length()


def _up_to(columns: int) -> int:
    return -(-columns // WIDTH) * WIDTH
