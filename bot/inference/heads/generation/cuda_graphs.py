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
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import torch
from cachetools import LRUCache

from bot.errors import describe
from bot.inference.heads.generation.static_kv_cache import FixedColumns, power_of_two
from bot.inference.heads.invariance.probing import agree

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

log = logging.getLogger(__name__)

BEFORE = 3
"""Steps of a size that are computed as usual before one is recorded, which takes about as long as four of them."""
GRAPHS = 24
"""Recorded steps that are kept for a checkpoint."""
KEPT_BYTES = 2**30
"""Of keys and values between two generations; where they have needed more, all is forgotten."""

Compute: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From the rows' tokens, (rows,), and further numbers to the logits of their next tokens, (rows, vocabulary)."""
Record: TypeAlias = Callable[[Callable[[], torch.Tensor]], Callable[[], torch.Tensor]]
"""Makes a function that repeats what another one does, with the same tensors."""


class RecordedSteps:
    """The steps that have been recorded of a checkpoint, and the columns that they read and write. Used on the device's
    thread only.

    Attributes:
        columns: lent to one session at a time.
        able: whether steps can be recorded; not where one failed, or gave other logits than a step as usual.
    """

    def __init__(self, head: Head, record: Record, columns: int = 1) -> None:
        """Record nothing yet.

        Args:
            head: whose steps.
            record: records.
            columns: how many kinds of columns there are; all have the same rows.
        """
        self.columns = tuple(FixedColumns(head) for _ in range(columns))
        self.able = True
        self._head = head
        self._record = record
        self._borrower: weakref.ref[object] | None = None
        self._seen: LRUCache[tuple[int, ...], int] = LRUCache(256)
        self._steps: LRUCache[tuple[int, ...], _RecordedStep] = LRUCache(GRAPHS)

    def lend(self, borrower: object) -> bool:
        """The columns, without rows, until they are given back; False while somebody else has them."""
        if not self.able or (self._borrower is not None and self._borrower() is not None):
            return False
        for columns in self.columns:
            columns.keep([])  # what is left of a session that failed
        self._borrower = weakref.ref(borrower)
        return True

    def give_back(self) -> None:
        """The columns, of which nobody needs anything any more."""
        for columns in self.columns:
            columns.keep([])
        if sum(columns.bytes for columns in self.columns) > KEPT_BYTES:
            for columns in self.columns:
                columns.forget()
        self._borrower = None
        self._forget_other_memory()

    @property
    def rows(self) -> int:
        """How many rows a recorded step has that is large enough for those that there are."""
        return power_of_two(len(self.columns[0].starts))

    def read(self, last: torch.Tensor, numbers: Sequence[int], compute: Compute, *more: int) -> torch.Tensor | None:
        """Have the model read one more token of each row.

        Args:
            last: the tokens, (rows,).
            numbers: what else is computed with, on the device.
            compute: computes the step for `rows` rows. It may be kept: it must not refer to who has borrowed.
            more: what else a step depends on.

        Returns:
            Logits of the next token, (rows, vocabulary), float32; None where the step is to be computed as usual.
        """
        if not self.able:
            return None
        key = (self._memory, self.rows, *(columns.width for columns in self.columns), *more)
        step = self._steps.get(key)
        if step is None:
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > BEFORE:
                step = self._new(key, last, numbers, compute)
        return None if step is None else step.read(last, numbers)

    @property
    def _memory(self) -> int:
        return sum(columns.reserved for columns in self.columns)

    def _new(
        self, key: tuple[int, ...], last: torch.Tensor, numbers: Sequence[int], compute: Compute
    ) -> _RecordedStep | None:
        kind = self._head.kind.value
        try:
            step = _RecordedStep(self._head, self.rows, len(numbers), compute)
            expected = step.read(last, numbers)
            step.repeat = self._record(step.compute)
            found = step.read(last, numbers)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            log.warning("steps of a %s are not recorded: %s", kind, describe(error))
            self.able = False
            return None
        self.able = agree(list(found), list(expected), self._head.precision)
        if not self.able:
            log.warning("steps of a %s are not recorded: their logits would differ", kind)
            return None
        self._forget_other_memory()
        self._steps[key] = step
        return step

    def _forget_other_memory(self) -> None:
        """Steps that were recorded on memory that is no longer used."""
        for key in [key for key in self._steps if key[0] != self._memory]:
            del self._steps[key]


class _RecordedStep:
    """A step of so many rows or fewer, and the tensors in which it finds them."""

    def __init__(self, head: Head, rows: int, numbers: int, compute: Compute) -> None:
        self._head = head
        self._compute = compute
        self._ids = torch.zeros(rows, dtype=torch.long, device=head.device.name)
        self._numbers = torch.zeros(numbers, dtype=torch.long, device=head.device.name)
        self.repeat: Callable[[], torch.Tensor] = self.compute

    def read(self, last: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
        """See `RecordedSteps.read`."""
        self._numbers.copy_(self._head.tensor(numbers))
        self._ids[: len(last)] = last
        return self.repeat()[: len(last)].float()

    def compute(self) -> torch.Tensor:
        """Logits of all rows, also of those that are missing, (rows, vocabulary)."""
        return self._compute(self._ids, self._numbers)


def cuda_graph(
    device: str, pool: torch.cuda._POOL_HANDLE, compute: Callable[[], torch.Tensor]
) -> Callable[[], torch.Tensor]:
    """Record what a function does on a GPU.

    Args:
        device: its name.
        pool: memory for what is computed on the way. Functions may share it whose outputs are used before another one
            of them is repeated.
        compute: what is recorded.

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
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            output = compute()

    def repeat() -> torch.Tensor:
        graph.replay()
        return output

    return repeat


def recorded_steps(head: Head, columns: int = 1) -> RecordedSteps | None:
    """Those of a checkpoint on a GPU; None elsewhere."""
    name = head.device.name
    if not name.startswith("cuda"):
        return None
    return RecordedSteps(head, partial(cuda_graph, name, torch.cuda.graph_pool_handle()), columns)
