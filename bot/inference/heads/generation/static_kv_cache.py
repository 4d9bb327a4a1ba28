"""A static KV cache for CUDA graphs, which read and write the same memory each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.kv_cache import KeysAndValues, KVCache

WIDTH = 128
"""A CUDA graph reads a multiple of so many columns."""


class StaticKVCache(KVCache):
    """A KV cache whose memory stays in its place as long as it suffices, also while there are no rows."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.allocations = 0  # a graph is valid for one

    @property
    def width(self) -> int:
        """The number of columns that are read, from the first one on."""
        return _rounded_up(self.end)

    @property
    def bytes(self) -> int:
        """The size of the keys and values of all layers."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers.values())

    def padded(self, rows: int) -> tuple[list[int], list[int]]:
        """Return the first columns and last positions of so many rows, 0 for those that don't exist."""
        missing = [0] * (rows - len(self.starts))
        return self.starts + missing, self.positions + missing

    def keep(self, slots: Sequence[int]) -> None:
        """Forget all rows but those in these slots, in this order. The memory stays."""
        if slots:
            super().keep(slots)
        else:
            self.starts, self.end = [], 0

    def free(self) -> None:
        """Free the memory."""
        self.layers, self.capacity = {}, (0, 0)
        self.allocations += 1

    def _fits(self, rows: int, width: int, end: int) -> bool:
        # A graph reads from the first column on. Rows move to the front once that makes it read fewer columns.
        return super()._fits(rows, width, end) and _rounded_up(end) == _rounded_up(width)

    def _rearrange(self, rows: int, width: int, shift: int) -> None:
        if super()._fits(rows, width, width):
            for layer in self.layers.values():
                layer.shift(len(self.starts), self.used, shift)
            return
        self.capacity = (power_of_two(max(rows, self.capacity[0])), max(_rounded_up(width), self.capacity[1]))
        self.allocations += 1
        self._move(shift)


@dataclass(frozen=True)
class StaticView:
    """The part of a static KV cache that a CUDA graph reads: so many rows and columns, from the first ones on."""

    cache: StaticKVCache
    rows: int
    width: int
    column: torch.Tensor
    """The last column, (1,), which is that of the new token if one is added."""
    mask: torch.Tensor
    """Which columns each row sees, (rows, 1, 1, width)."""
    distance: torch.Tensor | int
    """See `KVCache.distance`."""

    @classmethod
    def of(
        cls, cache: StaticKVCache, starts: torch.Tensor, last: torch.Tensor, distance: torch.Tensor | int = 0
    ) -> StaticView:
        """Return the view of rows with these first columns, (rows,), and this last one, (1,)."""
        columns = torch.arange(cache.width, device=starts.device)
        mask = ((columns >= starts[:, None]) & (columns <= last))[:, None, None]
        return cls(cache, len(starts), cache.width, last, mask, distance)

    def update(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Store a token of each row, (rows, heads, 1, size); return the layer's keys and values."""
        kept = self.cache.layer(layer, keys, values)
        kept.keys[: self.rows].index_copy_(2, self.column, keys)
        kept.values[: self.rows].index_copy_(2, self.column, values)
        return self.read(layer)

    def read(self, layer: int) -> KeysAndValues:
        """Return keys and values of a layer."""
        kept = self.cache.layers[layer]
        return kept.keys[: self.rows, :, : self.width], kept.values[: self.rows, :, : self.width]


def power_of_two(rows: int) -> int:
    """Return the smallest power of two that is at least `rows`."""
    return 1 << (rows - 1).bit_length()


def _rounded_up(columns: int) -> int:
    return -(-columns // WIDTH) * WIDTH
