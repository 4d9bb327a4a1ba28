"""Steps of a generation that a GPU repeats by itself.

A step has a thousand small operations. Launching them one by one takes several times as long as computing them. While
nobody joins, each step has the same operations on the same memory, so they are recorded once, as a CUDA graph, and
started all at once from then on.

Source: "CUDA Graphs" in PyTorch's documentation ("CUDA semantics").
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from cachetools import LRUCache
from torch.nn.functional import scaled_dot_product_attention

from bot.errors import describe
from bot.inference.heads.columns import Columns
from bot.inference.heads.probing import agree

if TYPE_CHECKING:
    from bot.inference.heads.base import Head

log = logging.getLogger(__name__)

WIDTH = 128
"""Columns: a recorded step looks at a multiple of so many."""
BEFORE = 3
"""Steps of a size that are computed as usual before one is recorded, which takes about as long as four of them."""
GRAPHS = 24
"""Recorded steps that are kept for a checkpoint."""
KEPT_BYTES = 2**30
"""Of keys and values between two generations; where they have needed more, all is forgotten."""

Forward = Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]
"""From token ids and positions, both (1, rows), and how attention is computed, to logits, (rows, vocabulary)."""


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

    def keep(self, places: Sequence[int]) -> None:
        """Forget all rows but those in these places, in this order; the memory stays."""
        if places:
            super().keep(places)
        else:
            self.starts, self.end = [], 0
            if self.bytes > KEPT_BYTES:
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
        self.room = (_power_of_two(max(rows, self.room[0])), max(_up_to(width), self.room[1]))
        self.reserved += 1
        self._move(shift)


class RecordedSteps:
    """The steps that have been recorded of a checkpoint, and the columns that they read and write. Used on the device's
    thread only.

    Attributes:
        columns: lent to one session at a time.
        able: whether steps can be recorded; not where one failed, or gave other logits than a step as usual.
    """

    def __init__(self, head: Head, record: Callable[[Callable[[], torch.Tensor]], Callable[[], torch.Tensor]]) -> None:
        """Record nothing yet.

        Args:
            head: whose steps.
            record: makes a function that repeats what another one does, with the same tensors.
        """
        self.columns = FixedColumns(head)
        self.able = True
        self._head = head
        self._record = record
        self._borrower: weakref.ref[object] | None = None
        self._seen: LRUCache[tuple[int, ...], int] = LRUCache(256)
        self._steps: LRUCache[tuple[int, ...], _RecordedStep] = LRUCache(GRAPHS)

    def lend(self, borrower: object) -> FixedColumns | None:
        """The columns, without rows, until they are given back; None while somebody else has them."""
        if not self.able or (self._borrower is not None and self._borrower() is not None):
            return None
        self.columns.keep([])  # what is left of a session that failed
        self._borrower = weakref.ref(borrower)
        return self.columns

    def give_back(self) -> None:
        """The columns, of which nobody needs anything any more."""
        self.columns.keep([])
        self._borrower = None
        self._forget_other_memory()

    def read(self, last: torch.Tensor, forward: Forward) -> torch.Tensor | None:
        """Have the model read one more token of each row.

        Args:
            last: the tokens, (rows,).
            forward: the model.

        Returns:
            Logits of the next token, (rows, vocabulary), float32; None where the step is to be computed as usual.
        """
        if not self.able:
            return None
        columns = self.columns
        columns.make_room([], further=1)
        key = (columns.reserved, _power_of_two(len(columns.starts)), columns.width)
        step = self._steps.get(key)
        if step is None:
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > BEFORE:
                step = self._new(key, last, forward)
        if step is None:
            columns.end -= 1
            return None
        return step.read(last, columns)

    def _new(self, key: tuple[int, ...], last: torch.Tensor, forward: Forward) -> _RecordedStep | None:
        try:
            step = _RecordedStep(self._head, self.columns, key[1], forward)
            expected = step.read(last, self.columns)
            step.repeat = self._record(step.compute)
            found = step.read(last, self.columns)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            log.warning("steps of %s are not recorded: %s", self._head.kind.value, describe(error))
            self.able = False
            return None
        self.able = agree(list(found), list(expected), self._head.precision)
        if not self.able:
            log.warning("steps of %s are not recorded: their logits would differ", self._head.kind.value)
            return None
        self._forget_other_memory()
        self._steps[key] = step
        return step

    def _forget_other_memory(self) -> None:
        """Steps that were recorded on memory that is no longer used."""
        for key in [key for key in self._steps if key[0] != self.columns.reserved]:
            del self._steps[key]


class _RecordedStep:
    """A step of so many rows or fewer, and the tensors in which it finds them."""

    def __init__(self, head: Head, columns: FixedColumns, rows: int, forward: Forward) -> None:
        device = head.device.name
        self._head = head
        self._forward = forward
        self._columns = columns
        self._width = columns.width
        self._rows = rows
        self._ids = torch.zeros(rows, dtype=torch.long, device=device)
        # Each row's place in its text, its first column, and the column of the new token: one copy to the device.
        self._state = torch.zeros(2 * rows + 1, dtype=torch.long, device=device)
        self._logits = torch.empty(0)
        self.repeat: Callable[[], torch.Tensor] = self.compute

    def read(self, last: torch.Tensor, columns: FixedColumns) -> torch.Tensor:
        """See `RecordedSteps.read`; there is room for the token already."""
        filling = [0] * (self._rows - len(columns.starts))
        place = columns.end - 1
        places = [place - start for start in columns.starts]
        self._state.copy_(self._head.tensor([*places, *filling, *columns.starts, *filling, place]))
        self._ids[: len(last)] = last
        return self.repeat()[: len(last)].float()

    def compute(self) -> torch.Tensor:
        """Logits of all rows, (rows, vocabulary), and of those that are missing too."""
        places, starts, column = torch.split(self._state, [self._rows, self._rows, 1])
        columns = torch.arange(self._width, device=starts.device)
        mask = ((columns >= starts[:, None]) & (columns <= column))[:, None, None]
        step = _Step(self._columns, self._rows, self._width, column, mask)
        return self._forward(self._ids[None], places[None], step)


@dataclass(frozen=True)
class _Step:
    """Attention of a recorded step.

    Attributes:
        rows: how many there are at most.
        width: how many columns they look at.
        column: of the new token, (1,).
        mask: which columns each row sees, (rows, 1, 1, width).
    """

    columns: Columns
    rows: int
    width: int
    column: torch.Tensor
    mask: torch.Tensor

    def attend(
        self, place: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Attention of a layer: (1, heads, rows, size) to (1, rows, heads, size)."""
        layer = self.columns.layer(place, key, value)
        keys, values = layer.keys[: self.rows], layer.values[: self.rows]
        keys.index_copy_(2, self.column, key[0].transpose(0, 1)[:, :, None])
        values.index_copy_(2, self.column, value[0].transpose(0, 1)[:, :, None])
        # Heads that share keys stand where a sequence's tokens would.
        states = query[0].transpose(0, 1).reshape(self.rows, keys.shape[1], -1, query.shape[-1])
        seen = slice(0, self.width)
        output = scaled_dot_product_attention(
            states, keys[:, :, seen], values[:, :, seen], attn_mask=self.mask, scale=scale
        )
        return output.reshape(1, self.rows, query.shape[1], -1)


def cuda_graph(device: str, compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """Record what a function does on a GPU.

    Returns:
        Repeats it; gives the same tensor each time, with new numbers in it.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device):
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # libraries take their workspaces before anything is recorded
            compute()
        torch.cuda.current_stream().wait_stream(beside)
        # Other threads may take memory meanwhile, to load a checkpoint or for another GPU.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = compute()

    def repeat() -> torch.Tensor:
        graph.replay()
        return output

    return repeat


def _up_to(columns: int) -> int:
    return -(-columns // WIDTH) * WIDTH


def _power_of_two(rows: int) -> int:
    return 1 << (rows - 1).bit_length()
