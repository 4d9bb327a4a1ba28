"""The scheduler decides which waiting rows a free device computes next."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial
from itertools import chain, count

from bot.errors import ShuttingDown
from bot.inference.operations import AnyRow
from bot.inference.scheduling.batching import gather, order_of, padding_waste
from bot.inference.scheduling.costs import Costs
from bot.inference.scheduling.device_runner import DeviceRunner, RunningBatch
from bot.inference.scheduling.fair_queueing import FairClock
from bot.inference.scheduling.learned_budgets import LearnedBudgets
from bot.inference.scheduling.pending import Outcomes, PendingCall, QueuedRow, RowGroup
from bot.inference.scheduling.recovery import Finished, RecoveringSession
from bot.inference.scheduling.replicas import AnyOperation, Replicas, operations_of
from bot.inference.scheduling.turns import Turn

log = logging.getLogger(__name__)

BACKGROUND_SHARE = 0.75
"""Of a running batch's budget. A row stays until its last token, so the rest is free for whoever comes."""


class Scheduler:
    """The waiting rows, and those that devices are computing. Every method may be called from any thread.

    Args:
        runners: one for each device.
    """

    def __init__(self, runners: Sequence[DeviceRunner]) -> None:
        self.runners = list(runners)
        self.replicas = Replicas()
        # A device waits for it to choose a batch, so nobody who holds it may look at all waiting rows.
        self._lock = threading.Lock()
        self._arrived: deque[PendingCall] = deque()
        self._abandoned: deque[PendingCall] = deque()
        self._groups: dict[Turn, RowGroup] = {}
        self._arrivals = count()
        self._joinable: dict[AnyOperation, bool] = {}
        # People's clocks, by the tokens that each asks for: of the rows that they wait for, and of background ones.
        self._clocks = {False: FairClock(), True: FairClock()}
        self._operations = FairClock()  # by the device time that each gets
        self._costs = Costs()
        self._budgets = LearnedBudgets()

    def add(self, pending: PendingCall) -> None:
        """Let the rows of a call wait. Does not take the lock, because the event loop has no time to wait for it."""
        self._arrived.append(pending)

    def abandon(self, pending: PendingCall) -> None:
        """Drop a call's rows. Does not take the lock either."""
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
        """Seconds until nobody waits, by recent costs of such rows. Background rows that wait do not count."""
        with self._lock:
            self._update()
            tokens: Counter[AnyOperation] = Counter()
            for turn, group in self._groups.items():
                if not turn.background:
                    tokens[group.operation] += group.tokens
            for row in set(self._taken):
                tokens[row.operation] += row.tokens
            return sum(self._costs.of(operation, number) for operation, number in tokens.items()) / len(self.runners)

    def position(self, pending: PendingCall) -> int | None:
        """Return how many waiting rows are due before a call's first one; None if none of its rows waits."""
        with self._lock:
            self._update()
            waiting = [row for row in pending.queued if row.row.device_index is None]
            if not waiting or pending.is_abandoned:
                return None
            first = min(waiting, key=order_of)
            behind = pending.background
            return sum(
                group.number_before(first) if turn.background == behind else len(group)
                for turn, group in self._groups.items()
                if behind or not turn.background
            )

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
        """Forget a checkpoint's operations."""
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
            The dropped rows, whose callers still wait.
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
        """Drop the rows of a device and all that wait; return them."""
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
            return runner.computing

    def join(
        self, runner: DeviceRunner, operation: AnyOperation, rows: Sequence[QueuedRow]
    ) -> tuple[RunningBatch, list[AnyRow]]:
        """Return the running batch for the rows that `take` returned, and those of them that have yet to join it.

        Args:
            operation: the device's replica.
        """
        call, key = rows[0].pending.call, rows[0].pending.batch_key
        if operation.session is None:
            raise TypeError(f"{operation.name} is not iterative")
        with self._lock:
            if (batch := runner.batches.get(key)) is None:
                session = RecoveringSession(
                    operation.name, partial(operation.session, call.alone), partial(self.too_many, call.operation)
                )
                batch = runner.batches[key] = RunningBatch(call.operation, session)
            joining = [one.row for one in rows if id(one.row) not in batch.by_row]
            batch.by_row |= {id(one.row): one for one in rows}
        return batch, joining

    @property
    def shortages(self) -> int:
        """How often the memory of a device has run out."""
        return self._budgets.failures

    def too_many(self, operation: AnyOperation, rows: Sequence[AnyRow]) -> None:
        """Note that rows were too many for the memory, so that fewer share the next batch."""
        with self._lock:
            self._budgets.failed(operation, rows)

    def fitted(self, operation: AnyOperation, rows: Sequence[AnyRow]) -> None:
        """Note that rows fitted into the memory."""
        with self._lock:
            self._budgets.fitted(operation, rows)

    def leave(self, runner: DeviceRunner, batch: RunningBatch, finished: Finished) -> Outcomes:
        """Take finished rows out of a running batch."""
        self._joinable[batch.operation] = batch.session.joinable
        with self._lock:
            outcomes = [(batch.by_row.pop(id(row)), outcome) for row, outcome in finished]
            if not batch.by_row:
                runner.batches = {key: one for key, one in runner.batches.items() if one is not batch}
        return outcomes

    def account(
        self, runner: DeviceRunner, operation: AnyOperation, rows: Sequence[AnyRow], outcomes: Outcomes, seconds: float
    ) -> None:
        """Account for a forward pass.

        Args:
            rows: those that were new to the device.
            outcomes: the finished ones, with their outputs or errors.
        """
        for row, outcome in outcomes:
            if isinstance(outcome, Exception):
                self.abandon(row.pending)  # its other rows must not be in the next batch
        with self._lock:
            if not runner.is_replaced:
                self._operations.serve(self._operations.tag(operation, seconds))
                self._costs.note(operation, seconds, sum(row.tokens for row, _ in outcomes))
                lengths = [row.tokens for row in rows]
                runner.totals.add(lengths, seconds)
                if lengths and log.isEnabledFor(logging.DEBUG):
                    log.debug("%s: %d rows, %.0f %% padding", operation.name, len(rows), 100 * padding_waste(lengths))
            runner.computing = []  # an idle device must not keep a checkpoint in memory

    @property
    def _taken(self) -> chain[QueuedRow]:
        """The rows of all devices; some of them twice."""
        return chain.from_iterable(runner.rows for runner in self.runners)

    def _update(self) -> None:
        """Let in the calls that have arrived, and drop those that were abandoned."""
        while self._arrived:
            pending = self._arrived.popleft()
            if pending.is_abandoned:
                continue
            turn = pending.turn
            if (group := self._groups.get(turn)) is None:
                group = self._groups[turn] = RowGroup(pending.call.operation)
            for index, row in enumerate(pending.call.rows):
                order = self._clocks[turn.background].tag(pending.person, row.tokens), next(self._arrivals)
                queued = QueuedRow(pending, index, row, order, row.tokens)
                pending.queued.append(queued)
                group.add(queued)
        while self._abandoned:
            pending = self._abandoned.popleft()
            if (waiting := self._groups.get(pending.turn)) is not None:
                self._remove(pending.turn, waiting, pending.queued)
            pending.queued.clear()

    def _remove(self, turn: Turn, group: RowGroup, rows: Sequence[QueuedRow]) -> None:
        for row in rows:
            group.remove(row)
        if not group:
            del self._groups[turn]

    def _forget(self, operations: Collection[AnyOperation]) -> None:
        for operation in operations:
            self.replicas.forget(operation)
            self._operations.drop(operation)
            self._joinable.pop(operation, None)
            self._budgets.forget(operation)

    def _next_batch(self, runner: DeviceRunner) -> list[QueuedRow]:
        if not self._groups and not any(one.computing or one.batches for one in self.runners):
            for clock in self._clocks.values():
                clock.reset()
        index = runner.device_index
        known = {turn for turn, group in self._groups.items() if self.replicas.on(group.operation, index) is not None}
        known |= {_turn_of(key, batch) for key, batch in runner.batches.items()}
        turns = runner.alternation.allowed(known)
        if not turns:
            return []
        turn = turns[0] if len(turns) == 1 else min(turns, key=lambda turn: self._priority(runner, turn))
        return [*self._admit(runner, turn), *runner.rows_of(turn.batch_key)]

    def _priority(self, runner: DeviceRunner, turn: Turn) -> tuple[float, tuple[float, int]]:
        """Return a turn's rank: first the operation with the least device time, then the row that is due."""
        rows = [row for row in runner.rows_of(turn.batch_key) if row.pending.background == turn.background]
        if (group := self._groups.get(turn)) is not None:
            rows.append(group.due)
        return self._operations.start(rows[0].operation), min(row.order for row in rows)

    def _admit(self, runner: DeviceRunner, turn: Turn) -> list[QueuedRow]:
        """Take rows out of the queue: a new batch, or those that may join the running one."""
        group, running = self._groups.get(turn), runner.rows_of(turn.batch_key)
        if group is None or (running and not runner.batches[turn.batch_key].session.admits):
            return []
        due, replica = group.due, self.replicas.on(group.operation, runner.device_index)
        if replica is None:
            return []
        budget = replica.budget
        if turn.background:
            budget = budget.in_background if replica.session is None else budget.share(BACKGROUND_SHARE)
        budget = self._budgets.of(group.operation, budget)
        if running:
            budget = budget.beside([row.tokens for row in running])
        if budget.rows < 1 or (running and due.tokens > budget.padded_tokens):
            return []
        batch = [due] if len(group) == 1 else gather(due, group.nearest(due), budget)
        self._remove(turn, group, batch)
        self._clocks[turn.background].serve(due.order[0], sum(row.tokens for row in batch))
        for row in batch:
            row.row.run_on(runner.device_index, len(running) + len(batch))
        return batch


def _turn_of(key: Hashable, batch: RunningBatch) -> Turn:
    """Return whose turn a running batch is: people's as soon as a person waits for one of its rows."""
    return Turn(all(row.pending.background for row in batch.by_row.values()), key)
