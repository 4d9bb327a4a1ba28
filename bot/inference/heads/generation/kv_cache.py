"""Keys and values of rows that come and go, as wide as the widest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


@dataclass
class Layer:
    """What one layer keeps, (rows, heads, columns, size). Room that is not used holds finite numbers: a mask does not
    hide others."""

    keys: torch.Tensor
    values: torch.Tensor

    @classmethod
    def of(cls, room: tuple[int, int], keys: torch.Tensor, values: torch.Tensor) -> Layer:
        """Room for keys and values such as these, (1, heads, tokens, size)."""
        rows, columns = room
        return cls(*(one.new_zeros(rows, one.shape[1], columns, one.shape[3]) for one in (keys, values)))

    def move(self, room: tuple[int, int], rows: int, columns: slice, shift: int) -> None:
        """Make other room, and put what is used there some columns further on."""
        other = self.of(room, self.keys[:1], self.values[:1])
        there = slice(columns.start + shift, columns.stop + shift)
        other.keys[:rows, :, there] = self.keys[:rows, :, columns]
        other.values[:rows, :, there] = self.values[:rows, :, columns]
        self.keys, self.values = other.keys, other.values

    def shift(self, rows: int, columns: slice, shift: int) -> None:
        """Put what is used some columns further on, in the same room."""
        there = slice(columns.start + shift, columns.stop + shift)
        for states in (self.keys, self.values):
            states[:rows, :, there] = states[:rows, :, columns].clone()


class Columns:
    """Where the keys and values of each row stand: all rows end in the same column.

    Attributes:
        layers: by their place in the model.
        starts: each row's first column.
        end: the column behind the last one of all rows.
        room: for so many rows and columns.
    """

    def __init__(self, head: Head, spare: int = 0) -> None:
        """Begin without rows.

        Args:
            head: whose model they are of.
            spare: columns that are added whenever there is no room.
        """
        self.layers: dict[int, Layer] = {}
        self.starts: list[int] = []
        self.end = 0
        self.room = (0, 0)
        self._head = head
        self._spare = spare

    @property
    def seen(self) -> slice:
        """The columns that any row has."""
        return slice(min(self.starts, default=0), self.end)

    def layer(self, place: int, keys: torch.Tensor, values: torch.Tensor) -> Layer:
        """A layer, with room for keys and values such as these, (1, heads, tokens, size)."""
        if place not in self.layers:
            self.layers[place] = Layer.of(self.room, keys, values)
        return self.layers[place]

    def make_room(self, lengths: Sequence[int], further: int) -> None:
        """For so many columns more of each row, and behind them for new rows of these lengths, which then end there
        too; `starts` does not have them yet."""
        old, left = len(self.starts), min(self.starts, default=0)
        needed, longest = old + len(lengths), max(lengths, default=0)
        end = self.end + further if old else longest
        width = max(end - left, longest)
        if longest > end or not self._has_room(needed, width, end):
            shift = width - end
            self._rearrange(needed, width, shift)
            self.starts = [start + shift for start in self.starts]
            end = width
        self.end = end

    def _has_room(self, rows: int, width: int, end: int) -> bool:
        """For so many rows that are at most so wide, up to this column."""
        return rows <= self.room[0] and end <= self.room[1]

    def _rearrange(self, rows: int, width: int, shift: int) -> None:
        """Make other room, and put what there is so many columns further on."""
        old, before = len(self.starts), self.room[0]
        self.room = (rows if rows <= before or not old else max(rows, 2 * before), width + self._spare)
        self._move(shift)

    def _move(self, shift: int) -> None:
        """To the room that there is now."""
        for layer in self.layers.values():
            layer.move(self.room, len(self.starts), self.seen, shift)

    def add(self, lengths: Sequence[int]) -> None:
        """Add rows that end where the others do."""
        self.starts += [self.end - length for length in lengths]

    def keep(self, places: Sequence[int]) -> None:
        """Forget all rows but those in these places, in this order."""
        self.starts = [self.starts[place] for place in places]
        if not places:
            self.layers, self.end, self.room = {}, 0, (0, 0)
            return
        moved = [(to, place) for to, place in enumerate(places) if to != place]
        if moved:
            seen, (to, place) = self.seen, map(self._head.tensor, zip(*moved, strict=True))
            for layer in self.layers.values():
                for states in (layer.keys, layer.values):
                    states[to, :, seen] = states[place, :, seen]

    def scrub(self) -> None:
        """Clear everything but what the rows have."""
        for layer in self.layers.values():
            for states in (layer.keys, layer.values):
                states[len(self.starts) :] = 0
                states[:, :, self.end :] = 0
                for row, start in enumerate(self.starts):
                    states[row, :, :start] = 0

    def mask(self, seen: slice) -> torch.Tensor | None:
        """Which of these columns each row sees: (rows, 1, 1, columns), or None for all of them."""
        if len(set(self.starts)) < 2:
            return None
        starts = self._head.tensor(self.starts)
        columns = torch.arange(seen.start, seen.stop, device=starts.device)
        return (columns >= starts[:, None])[:, None, None]
