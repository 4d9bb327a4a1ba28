"""Columns for steps that are recorded: a recorded step reads and writes the same memory each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bot.inference.heads.generation.kv_cache import Columns

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

WIDTH = 128
"""Columns: a recorded step looks at a multiple of so many."""


class FixedColumns(Columns):
    """Columns whose memory stays where it is for as long as it suffices, also while there are no rows.

    Attributes:
        reserved: how often other memory has been taken.
    """

    def __init__(self, head: Head) -> None:
        super().__init__(head)
        self.reserved = 0

    @property
    def width(self) -> int:
        """So many columns are looked at, from the first one on."""
        return _up_to(self.end)

    @property
    def bytes(self) -> int:
        """Of the keys and values of all layers."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers.values())

    def first(self, rows: int) -> list[int]:
        """Each row's first column, and 0 for those that are missing to so many."""
        return _filled(self.starts, rows)

    def places(self, rows: int) -> list[int]:
        """Where in its text each row's last token is, and 0 for those that are missing to so many."""
        return _filled([self.end - 1 - start for start in self.starts], rows)

    def keep(self, places: Sequence[int]) -> None:
        """Forget all rows but those in these places, in this order; the memory stays."""
        if places:
            super().keep(places)
        else:
            self.starts, self.end = [], 0

    def forget(self) -> None:
        """Let go of the memory."""
        self.layers, self.room = {}, (0, 0)
        self.reserved += 1

    def _has_room(self, rows: int, width: int, end: int) -> bool:
        """Columns that all rows have left behind are not looked at for long."""
        return super()._has_room(rows, width, end) and _up_to(end) == _up_to(width)

    def _rearrange(self, rows: int, width: int, shift: int) -> None:
        if super()._has_room(rows, width, width):
            for layer in self.layers.values():
                layer.shift(len(self.starts), self.seen, shift)
            return
        self.room = (power_of_two(max(rows, self.room[0])), max(_up_to(width), self.room[1]))
        self.reserved += 1
        self._move(shift)


@dataclass(frozen=True)
class Window:
    """The part of fixed columns that a recorded step sees.

    Attributes:
        rows: how many there are at most.
        width: how many columns, from the first one on.
        column: of the new token, (1,); None where nothing is added.
        mask: which columns each row sees, (rows, 1, 1, width).
    """

    columns: FixedColumns
    rows: int
    width: int
    column: torch.Tensor | None
    mask: torch.Tensor

    @classmethod
    def of(cls, columns: FixedColumns, starts: torch.Tensor, last: torch.Tensor, *, grows: bool) -> Window:
        """What rows with these first columns, (rows,), see up to their last one, (1,), and including it."""
        places = torch.arange(columns.width, device=starts.device)
        mask = ((places >= starts[:, None]) & (places <= last))[:, None, None]
        return cls(columns, len(starts), columns.width, last if grows else None, mask)

    def put(self, place: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep a token of each row in a layer, (rows, heads, 1, size)."""
        assert self.column is not None
        layer = self.columns.layer(place, keys, values)
        layer.keys[: self.rows].index_copy_(2, self.column, keys)
        layer.values[: self.rows].index_copy_(2, self.column, values)

    def see(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a layer, (rows, heads, width, size) both."""
        layer = self.columns.layers[place]
        return layer.keys[: self.rows, :, : self.width], layer.values[: self.rows, :, : self.width]


def power_of_two(rows: int) -> int:
    """The next one, or the number itself where it is one."""
    return 1 << (rows - 1).bit_length()


def _filled(numbers: list[int], rows: int) -> list[int]:
    return numbers + [0] * (rows - len(numbers))


def _up_to(columns: int) -> int:
    return -(-columns // WIDTH) * WIDTH
