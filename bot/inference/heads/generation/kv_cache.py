"""A KV cache whose rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bot.inference.heads.checkpoint import Checkpoint

ROW_OVERHEAD = 200
"""The overhead of a row's own attention on a CPU, in columns that it reads in that time."""
KeysAndValues = tuple[torch.Tensor, torch.Tensor]
"""Of a layer, (rows, heads, columns, size) both."""


@dataclass
class KVLayer:
    """Keys and values of one layer, (rows, heads, columns, size)."""

    # Unused memory must hold finite numbers: a mask doesn't hide others.
    keys: torch.Tensor
    values: torch.Tensor

    @classmethod
    def of(
        cls, capacity: tuple[int, int], keys: torch.Tensor, values: torch.Tensor, dtype: torch.dtype | None = None
    ) -> KVLayer:
        """Allocate memory for keys and values such as these, (1, heads, tokens, size), perhaps in another data type."""
        rows, columns = capacity
        shapes = [(rows, states.shape[1], columns, states.shape[3]) for states in (keys, values)]
        return cls(
            *(states.new_zeros(shape, dtype=dtype) for states, shape in zip((keys, values), shapes, strict=True))
        )

    def move(self, capacity: tuple[int, int], rows: int, columns: slice, shift: int) -> None:
        """Move the used columns to other memory, `shift` columns further on."""
        other = self.of(capacity, self.keys[:1], self.values[:1])
        moved = slice(columns.start + shift, columns.stop + shift)
        other.keys[:rows, :, moved] = self.keys[:rows, :, columns]
        other.values[:rows, :, moved] = self.values[:rows, :, columns]
        self.keys, self.values = other.keys, other.values

    def shift(self, rows: int, columns: slice, shift: int) -> None:
        """Move the used columns within their memory, `shift` columns further on."""
        moved = slice(columns.start + shift, columns.stop + shift)
        for states in (self.keys, self.values):
            states[:rows, :, moved] = states[:rows, :, columns].clone()


class KVCache:
    """Keys and values of all layers. A row's index is its slot, and a column holds one token of each row.

    Attributes:
        layers: by their index in the model.
        starts: each row's first column; those before it are masked.
        end: the column behind the last one of all rows.
        capacity: the rows and columns of the memory.

    Args:
        spare: columns that are added whenever the memory is used up.
        dtype: of the memory; None for that of the keys and values.
    """

    # All rows end in the same column, so a decode step adds one column for all of them.

    def __init__(self, checkpoint: Checkpoint, spare: int = 0, dtype: torch.dtype | None = None) -> None:
        self.layers: dict[int, KVLayer] = {}
        self.starts: list[int] = []
        self.end = 0
        self.capacity = (0, 0)
        self._checkpoint = checkpoint
        self._dtype = dtype
        self._spare = spare

    @property
    def used(self) -> slice:
        """The columns that any row has."""
        return slice(min(self.starts, default=0), self.end)

    @property
    def positions(self) -> list[int]:
        """The position of each row's last token."""
        return [self.end - 1 - start for start in self.starts]

    def layer(self, index: int, keys: torch.Tensor, values: torch.Tensor) -> KVLayer:
        """Return a layer with memory for keys and values such as these, (1, heads, tokens, size)."""
        if index not in self.layers:
            self.layers[index] = KVLayer.of(self.capacity, keys, values, self._dtype)
        return self.layers[index]

    def update(self, index: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Store a token of each row in a layer, (rows, heads, 1, size); return the used columns of all rows."""
        rows, used = len(self.starts), self.used
        layer = self.layer(index, keys, values)
        layer.keys[:rows, :, used.stop - 1] = keys[:, :, 0]
        layer.values[:rows, :, used.stop - 1] = values[:, :, 0]
        return layer.keys[:rows, :, used], layer.values[:rows, :, used]

    @property
    def distance(self) -> int:
        """The distance of the last column from the first used one."""
        return self.end - 1 - min(self.starts)

    def reserve(self, lengths: Sequence[int], further: int) -> None:
        """Give each row `further` columns, and have memory for new rows of these lengths, which end there too.

        `add` then adds the new rows.
        """
        old, first = len(self.starts), min(self.starts, default=0)
        needed, longest = old + len(lengths), max(lengths, default=0)
        end = self.end + further if old else longest
        width = max(end - first, longest)
        if longest > end or not self._fits(needed, width, end):
            shift = width - end
            self._rearrange(needed, width, shift)
            self.starts = [start + shift for start in self.starts]
            end = width
        self.end = end

    def _fits(self, rows: int, width: int, end: int) -> bool:
        """Return whether there is memory for rows of at most this width, up to this column."""
        return rows <= self.capacity[0] and end <= self.capacity[1]

    def _rearrange(self, rows: int, width: int, shift: int) -> None:
        """Allocate other memory, and move the used columns `shift` columns further on."""
        old, before = len(self.starts), self.capacity[0]
        self.capacity = (rows if rows <= before or not old else max(rows, 2 * before), width + self._spare)
        self._move(shift)

    def _move(self, shift: int) -> None:
        for layer in self.layers.values():
            layer.move(self.capacity, len(self.starts), self.used, shift)

    def add(self, lengths: Sequence[int]) -> None:
        """Add rows that end where the others do."""
        self.starts += [self.end - length for length in lengths]

    def keep(self, slots: Sequence[int]) -> None:
        """Forget all rows but those in these slots, in this order."""
        self.starts = [self.starts[slot] for slot in slots]
        if not slots:
            self.layers, self.end, self.capacity = {}, 0, (0, 0)
            return
        moved = [(to, slot) for to, slot in enumerate(slots) if to != slot]
        if moved:
            used, (to, slot) = self.used, map(self._checkpoint.tensor, zip(*moved, strict=True))
            for layer in self.layers.values():
                for states in (layer.keys, layer.values):
                    states[to, :, used] = states[slot, :, used]

    def scrub(self) -> None:
        """Clear all memory but the rows' own."""
        for layer in self.layers.values():
            for states in (layer.keys, layer.values):
                states[len(self.starts) :] = 0
                states[:, :, self.end :] = 0
                for row, start in enumerate(self.starts):
                    states[row, :, :start] = 0

    def mask(self, columns: slice) -> torch.Tensor | None:
        """Return which of these columns each row sees: (rows, 1, 1, columns), or None for all of them."""
        if len(set(self.starts)) < 2:
            return None
        starts = self._checkpoint.tensor(self.starts)
        indices = torch.arange(columns.start, columns.stop, device=starts.device)
        return (indices >= starts[:, None])[:, None, None]


def long_rows(starts: Sequence[int], end: int) -> list[int]:
    """Return the rows so long that their attention is cheaper one by one than as wide as theirs for all.

    Args:
        starts: each row's first column.
        end: the column behind the last one of all rows.
    """

    def cost(number: int) -> int:
        alone = sum(end - starts[row] + ROW_OVERHEAD for row in longest[:number])
        return alone + len(starts) * (end - starts[longest[number]])

    longest = sorted(range(len(starts)), key=starts.__getitem__)
    return longest[: min(range(len(starts)), key=cost, default=0)]
