"""The scheduler decides which waiting rows a free device computes next."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial
from itertools import chain, count
from typing import Any

from bot.errors import ShuttingDown
from bot.inference.operations import AnyRow, OperationCall
from bot.inference.scheduling.batching import gather, order_of, padding_waste
from bot.inference.scheduling.costs import Costs
from bot.inference.scheduling.device_runner import DeviceRunner, RunningBatch
from bot.inference.scheduling.fair_queueing import FairClock
from bot.inference.scheduling.pending import PendingCall, QueuedRow, RowGroup
from bot.inference.scheduling.recovery import RecoveringSession
from bot.inference.scheduling.replicas import AnyOperation, Replicas, operations_of

log = logging.getLogger(__name__)


class Scheduler:
    """The waiting rows, and what the devices are computing. Every method may be called from any thread.

    People take turns by the tokens that they ask for, and operations by the device time that they get. The lock is held
    for as long as it takes to choose a batch, so nothing here may look at all waiting rows.

    Args:
        runners: one for each device.
    """

    def __init__(self, runners: Sequence[DeviceRunner]) -> None:
        self.runners = list(runners)
        self.replicas = Replicas()
        self._lock = threading.Lock()
        self._arrived: deque[PendingCall] = deque()
        self._abandoned: deque[PendingCall] = deque()
        self._groups: dict[Hashable, RowGroup] = {}
        self._arrivals = count()
        self._joinable: dict[AnyOperation, bool] = {}
        self._people = FairClock()
        self._operations = FairClock()
        self._costs = Costs()

    def add(self, pending: PendingCall) -> None:
        """Let the rows of a call wait. Never waits for the lock: the event loop has no time for that."""
        self._arrived.append(pending)

    def abandon(self, pending: PendingCall) -> None:
        """Drop a call's rows. Never waits for the lock either."""
        pending.abandon()
        self._abandoned.append(pending)

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        with self._lock:
            self._update()
            return sum(map(len, self._groups.values()))

    @property
    def expected_seconds(self) -> float:
        """For how long the devices have work, by what such rows have cost lately."""
        with self._lock:
            self._update()
            tokens: Counter[AnyOperation] = Counter()
            for group in self._groups.values():
                tokens[group.operation] += group.tokens
            for row in set(self._taken):
                tokens[row.operation] += row.tokens
            return sum(self._costs.of(operation, number) for operation, number in tokens.items()) / len(self.runners)

    def position(self, pending: PendingCall) -> int | None:
        """Return how many waiting rows are due before the first one of a call; None if none of its rows waits."""
        with self._lock:
            self._update()
            waiting = [row for row in pending.queued if row.row.device_index is None]
            if not waiting or pending.is_abandoned:
                return None
            first = min(waiting, key=order_of)
            return sum(group.number_before(first) for group in self._groups.values())

    def joinable(self, head: object) -> bool | None:
        """Return whether rows of a head's iterative operations join a running batch; None if none has run yet."""
        known = [self._joinable[one] for one in operations_of(head).values() if one in self._joinable]
        return all(known) if known else None

    def has_rows_of(self, operations: Collection[AnyOperation]) -> bool:
        """Return whether a row of one of these operations waits or is computed."""
        with self._lock:
            self._update()
            owners: chain[RowGroup | QueuedRow] = chain(self._groups.values(), self._taken)
            return any(one.operation in operations for one in owners)

    def forget(self, operations: Collection[AnyOperation]) -> None:
        """Keep nothing of a checkpoint's operations."""
        with self._lock:
            self._forget(operations)

    def refuse_new(self) -> None:
        """Fail the calls of requests that no device has begun, because the worker shuts down."""
        with self._lock:
            self._update()
            waiting = {row.pending: None for row in chain.from_iterable(self._groups.values())}
            refused = [one for one in waiting if not one.has_begun and not one.done.done()]
        for pending in refused:
            self.abandon(pending)
            pending.done.set_exception(ShuttingDown())

    def discard(
        self, operations: Collection[AnyOperation], replace: Callable[[DeviceRunner], DeviceRunner]
    ) -> list[QueuedRow]:
        """Drop everything of a checkpoint in which a thread hangs.

        Args:
            replace: makes another runner for a device whose thread computes one of the operations.

        Returns:
            The rows that wait for an output which will never come.
        """
        with self._lock:
            self._update()
            self.replicas.discard(operations)
            self._forget(operations)
            dropped = [row for row in chain(*self._groups.values(), self._taken) if row.operation in operations]
            self._groups = {key: one for key, one in self._groups.items() if one.operation not in operations}
            for index, runner in enumerate(self.runners):
                if runner.computing and runner.computing[0].operation in operations:
                    runner.is_replaced = True
                    self.runners[index] = replace(runner)
                others = {key: one for key, one in runner.batches.items() if one.operation not in operations}
                self.runners[index].batches = others
        return dropped

    def drop_all(self, runner: DeviceRunner) -> list[QueuedRow]:
        """Drop what a device computes and everything that waits; return the rows."""
        with self._lock:
            dropped = [*runner.rows, *chain.from_iterable(self._groups.values())]
            self._groups.clear()
            runner.computing = []
            runner.batches.clear()
        return dropped

    def take(self, runner: DeviceRunner) -> list[QueuedRow]:
        """Return the next rows for a free device: a batch, or a running batch with the rows that join it."""
        with self._lock:
            self._update()
            runner.batches_begun += 1
            runner.computing = [] if runner.is_replaced else self._next_batch(runner)
            for row in runner.computing:
                row.row.run_on(runner.device_index)
            return runner.computing

    def join(
        self, runner: DeviceRunner, operation: AnyOperation, rows: Sequence[QueuedRow]
    ) -> tuple[RunningBatch, list[AnyRow]]:
        """Return the running batch of rows that `take` has returned, and those of them that are to join it now.

        Args:
            operation: the device's own.
        """
        call = rows[0].pending.call
        key = rows[0].pending.batch_key
        with self._lock:
            if key not in runner.batches:
                runner.batches[key] = RunningBatch(call.operation, _session(operation, call))
            batch = runner.batches[key]
            joining = [one.row for one in rows if id(one.row) not in batch.by_row]
            batch.by_row |= {id(one.row): one for one in rows}
        return batch, joining

    def leave(
        self, runner: DeviceRunner, batch: RunningBatch, finished: Sequence[tuple[AnyRow, Any]]
    ) -> list[tuple[QueuedRow, Any]]:
        """Take finished rows out of a running batch."""
        self._joinable[batch.operation] = batch.session.joinable
        with self._lock:
            outcomes = [(batch.by_row.pop(id(row)), outcome) for row, outcome in finished]
            if not batch.by_row:
                runner.batches = {key: one for key, one in runner.batches.items() if one is not batch}
        return outcomes

    def account(
        self,
        runner: DeviceRunner,
        operation: AnyOperation,
        rows: Sequence[AnyRow],
        outcomes: Sequence[tuple[QueuedRow, Any]],
        seconds: float,
    ) -> None:
        """Note what a device has computed.

        Args:
            rows: those that were new to it.
            outcomes: those that are finished, with their outputs or errors.
            seconds: how long it took.
        """
        for row, outcome in outcomes:
            if isinstance(outcome, Exception):
                self.abandon(row.pending)  # its other rows must not be in the next batch
        with self._lock:
            if not runner.is_replaced:
                self._operations.serve(self._operations.tag(operation, seconds))
                self._costs.note(operation, seconds, sum(row.tokens for row, _ in outcomes))
                lengths = [row.tokens for row in rows]
                runner.figures.add(lengths, seconds)
                if lengths:
                    log.debug("%s: %d rows, %.0f %% padding", operation.name, len(rows), 100 * padding_waste(lengths))
            runner.computing = []  # an idle device must not keep a checkpoint in memory

    @property
    def _taken(self) -> chain[QueuedRow]:
        """The rows that devices have; some of them twice."""
        return chain.from_iterable(runner.rows for runner in self.runners)

    def _update(self) -> None:
        """Let the calls that have arrived wait, and drop those that were abandoned."""
        while self._arrived:
            pending = self._arrived.popleft()
            if pending.is_abandoned:
                continue
            group = self._groups.setdefault(pending.batch_key, RowGroup(pending.call.operation))
            for index, row in enumerate(pending.call.rows):
                order = self._people.tag(pending.person, row.tokens), next(self._arrivals)
                pending.queued.append(QueuedRow(pending, index, row, order))
                group.add(pending.queued[-1])
        while self._abandoned:
            pending = self._abandoned.popleft()
            if (waiting := self._groups.get(pending.batch_key)) is not None:
                self._remove(pending.batch_key, waiting, pending.queued)

    def _remove(self, key: Hashable, group: RowGroup, rows: Sequence[QueuedRow]) -> None:
        for row in rows:
            group.remove(row)
        if not group:
            del self._groups[key]

    def _forget(self, operations: Collection[AnyOperation]) -> None:
        for operation in operations:
            self.replicas.forget(operation)
            self._operations.drop(operation)
            self._joinable.pop(operation, None)

    def _next_batch(self, runner: DeviceRunner) -> list[QueuedRow]:
        if not self._groups and not any(self._taken):
            self._people.reset()
        index = runner.device_index
        keys = {key for key, group in self._groups.items() if self.replicas.on(group.operation, index) is not None}
        keys |= runner.batches.keys()
        if not keys:
            return []
        key = keys.pop() if len(keys) == 1 else min(keys, key=lambda key: self._priority(runner, key))
        return [*self._admit(runner, key), *runner.rows_of(key)]

    def _priority(self, runner: DeviceRunner, key: Hashable) -> tuple[float, tuple[float, int]]:
        """Return a group's rank: the operation that has had the least device time, then the row that is due."""
        rows = runner.rows_of(key)
        if (group := self._groups.get(key)) is not None:
            rows.append(group.due)
        return self._operations.start(rows[0].operation), min(row.order for row in rows)

    def _admit(self, runner: DeviceRunner, key: Hashable) -> list[QueuedRow]:
        """Take rows out of the queue: a new batch, or those that may join the running one."""
        group, running = self._groups.get(key), runner.rows_of(key)
        if group is None or (running and not runner.batches[key].session.admits):
            return []
        due, replica = group.due, self.replicas.on(group.operation, runner.device_index)
        if replica is None:
            return []
        budget = replica.budget
        if running:
            budget = budget.beside([row.tokens for row in running])
        if budget.rows < 1 or (running and due.tokens > budget.padded_tokens):
            return []
        batch = gather(due, group.nearest(due), budget)
        self._remove(key, group, batch)
        self._people.serve(due.order[0], sum(row.tokens for row in batch))
        return batch


def _session(operation: AnyOperation, call: OperationCall) -> RecoveringSession:
    if operation.session is None:
        raise TypeError(f"{operation.name} is not iterative")
    return RecoveringSession(operation.name, partial(operation.session, call.alone))
