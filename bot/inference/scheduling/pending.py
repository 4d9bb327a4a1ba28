"""Operation calls that wait for their outputs, and their rows in the queue."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.inference.operations import AnyRow, OperationCall, RowState
from bot.inference.scheduling.batching import by_distance, order_of
from bot.inference.scheduling.replicas import AnyOperation
from bot.inference.scheduling.turns import Turn

Outcomes: TypeAlias = "list[tuple[QueuedRow, object]]"
"""Rows with their outputs, or with their errors."""


@dataclass(eq=False)
class PendingCall:
    """An operation call that waits for its outputs.

    Attributes:
        done: gets the outputs of its rows, in order, or the first error.
        resumed: whether an earlier call of the same request was computed.
        background: whether its rows run behind those of everybody who waits.
        queued: its rows, once the scheduler has let them in.
    """

    call: OperationCall
    person: Hashable
    done: asyncio.Future[list[Any]]
    resumed: bool
    background: bool = False
    queued: list[QueuedRow] = field(default_factory=list, init=False)
    _outputs: dict[int, object] = field(default_factory=dict, init=False)

    @property
    def batch_key(self) -> Hashable:
        """Rows of calls with equal keys may share a batch."""
        return self.call if self.call.alone else self.call.operation

    @property
    def turn(self) -> Turn:
        """Where its rows wait."""
        return Turn(self.background, self.batch_key)

    @property
    def has_begun(self) -> bool:
        """Whether a device has had a row of its request; only such requests are finished at shutdown."""
        return self.resumed or any(row.state is not RowState.WAITING for row in self.call.rows)

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody waits for it any more, or one of its rows has failed."""
        return self.done.done() or self.call.rows[0].state is RowState.ABANDONED

    def abandon(self) -> None:
        """Abandon all of its rows."""
        for row in self.call.rows:
            row.abandon()

    def deliver(self, index: int, outcome: object) -> None:
        """Keep a row's output or error; the last output, or the first error, ends the call. On the event loop."""
        if self.done.done():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
            return
        self._outputs[index] = outcome
        if len(self._outputs) == len(self.call.rows):
            self.done.set_result([self._outputs[index] for index in range(len(self._outputs))])
            self.queued.clear()  # they refer to this call: a circle that only the garbage collector would free


@dataclass(eq=False, slots=True)
class QueuedRow:
    """A row in the queue.

    Attributes:
        index: among the rows of its call.
        order: its start tag (see `FairClock`), then the number of its arrival.
        tokens: the row's, because batching reads them often.
    """

    pending: PendingCall
    index: int
    row: AnyRow
    order: tuple[float, int]
    tokens: int

    @property
    def operation(self) -> AnyOperation:
        """The operation that computes it."""
        return self.pending.call.operation


class RowGroup:
    """Waiting rows that may share a batch, in their order for each length, so that `gather` need not look at all."""

    def __init__(self, operation: AnyOperation) -> None:
        self.operation = operation
        self.tokens = 0
        self._count = 0
        self._by_length: dict[int, list[QueuedRow]] = {}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[QueuedRow]:
        for rows in self._by_length.values():
            yield from rows

    def add(self, row: QueuedRow) -> None:
        """Add a row."""
        rows = self._by_length.get(row.tokens)
        if rows is None:
            self._by_length[row.tokens] = [row]
        elif rows[-1].order < row.order:  # nearly always
            rows.append(row)
        else:
            insort(rows, row, key=order_of)
        self._count += 1
        self.tokens += row.tokens

    def remove(self, row: QueuedRow) -> None:
        """Remove a row; does nothing if it is not here."""
        rows = self._by_length.get(row.tokens)
        if rows is None:
            return
        index = 0 if rows[0] is row else bisect_left(rows, row.order, key=order_of)
        if index < len(rows) and rows[index] is row:
            del rows[index]
            if not rows:
                del self._by_length[row.tokens]
            self._count -= 1
            self.tokens -= row.tokens

    @property
    def due(self) -> QueuedRow:
        """The first row in order."""
        return min([rows[0] for rows in self._by_length.values()], key=order_of)

    def nearest(self, row: QueuedRow) -> Iterator[list[Sequence[QueuedRow]]]:
        """Yield the rows that are nearest in length to a row (see `by_distance`)."""
        return by_distance(self._by_length, row.tokens)

    def number_before(self, row: QueuedRow) -> int:
        """Return how many rows are due before a row."""
        return sum(bisect_left(rows, row.order, key=order_of) for rows in self._by_length.values())
