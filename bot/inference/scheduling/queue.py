"""The queue in front of the devices: rows wait here, and whichever device is free takes a batch of them.

A device's thread takes its next batch itself, as soon as it has run one: a way to the event loop and back between two
batches would leave the device idle for a thirtieth of the time. So what waits belongs to whoever holds the lock.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar

from bot.errors import ModelFailed, NotResponding, ShuttingDown, Unanswered, describe
from bot.inference.operations import OperationCall, Row
from bot.inference.scheduling.batching import FairClock, gather, padding_waste
from bot.inference.scheduling.costs import Costs
from bot.inference.scheduling.isolation import run_isolated
from bot.inference.scheduling.lane import Lane, QueueFigures, Ticket, UnderWay, Waiting, device_thread, threads_each
from bot.inference.scheduling.recovery import RowsUnderWay
from bot.inference.scheduling.replicas import AnyOperation, Replicas, operations_of

T = TypeVar("T")
Outcomes: TypeAlias = list[tuple[Waiting, Any]]
"""Rows with their outputs, or with the errors that they get."""

log = logging.getLogger(__name__)


class DeviceQueue:
    """Rows of any operation and any person, run in fair order on one thread for each device.

    No batch waits for company: an idle device starts at once, and while all are busy the next batch gathers.

    Args:
        names: of the devices, as PyTorch writes them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._share = threads_each(names)
        self._lanes = [Lane(place, device_thread(name, self._share)) for place, name in enumerate(names)]
        self._lock = threading.Lock()
        self._arrived: deque[tuple[Ticket, Hashable]] = deque()
        self._groups: dict[Hashable, list[Waiting]] = {}
        self._replicas = Replicas()
        self._joinable: dict[AnyOperation, bool] = {}
        self._people = FairClock()
        self._operations = FairClock()
        self._costs = Costs()
        self._served = asyncio.Event()
        self._draining = False

    def start(self) -> None:
        """Begin to serve; needs a running event loop."""
        for lane in self._lanes:
            self._start(lane)

    async def compute(self, step: OperationCall, person: Hashable, *, resumed: bool = False) -> list[Any]:
        """The outputs of a step's rows, in order. Cancelling this costs no further device time.

        Args:
            step: what to compute.
            person: whose request it is, for fairness.
            resumed: whether the request has had a step computed before.

        Raises:
            Unanswered: a row failed, also alone.
            NotResponding: the step is one of a checkpoint that was written off.
            ShuttingDown: the queue is draining, and this request has not begun.
        """
        if self._draining and not resumed:
            raise ShuttingDown
        if self._replicas.is_written_off(step.operation):
            raise NotResponding()
        if not step.rows:
            return []
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        ticket = Ticket(step, [None] * len(step.rows), len(step.rows), done, resumed)
        self._arrived.append((ticket, person))  # the event loop does not wait for the lock
        self._wake_all()
        try:
            return await done
        except BaseException:  # given up, or one of the rows failed: nobody needs the others
            ticket.give_up()
            raise

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        with self._lock:
            self._let_in()
            return sum(map(len, self._groups.values()))

    def position(self, call: OperationCall) -> int | None:
        """Return how many waiting rows are due before the first one of a call; None if none of its rows waits."""
        with self._lock:
            self._let_in()
            waiting = [one for one in chain.from_iterable(self._groups.values()) if not _given_up(one)]
        due = sorted(waiting, key=_tag)
        return next((position for position, one in enumerate(due) if one.ticket.step is call), None)

    @property
    def figures(self) -> QueueFigures:
        """The totals of all devices."""
        return QueueFigures.of_all(self.figures_by_device)

    @property
    def figures_by_device(self) -> list[QueueFigures]:
        """Each device's own totals."""
        return [lane.figures for lane in self._lanes]

    @property
    def expected_seconds(self) -> float:
        """For how long the devices have work with what waits and what is under way, by what such rows cost lately."""
        with self._lock:
            self._let_in()
            waiting = chain(*self._groups.values(), *(lane.rows for lane in self._lanes))
            tokens: Counter[AnyOperation] = Counter()
            for one in {id(row): row for row in waiting}.values():
                tokens[one.ticket.step.operation] += one.tokens
            return sum(self._costs.of(operation, number) for operation, number in tokens.items()) / len(self._lanes)

    @property
    def in_hand(self) -> dict[Hashable, Hashable]:
        """The lanes that compute, and a sign of each that changes whenever it gets on."""
        return {lane: lane.sign for lane in self._lanes if lane.running}

    def operations_in(self, lane: Hashable) -> frozenset[AnyOperation]:
        """All operations of the checkpoint that a lane computes with; none where it computes nothing, or is none."""
        running = lane.running if isinstance(lane, Lane) else []
        return self._replicas.siblings(running[0].ticket.step.operation) if running else frozenset()

    def write_off(self, operations: Collection[AnyOperation], error: Unanswered) -> None:
        """Give up a checkpoint that a thread hangs with: nothing of it is computed any more.

        A lane that computes with it is replaced by another one, which has a thread of its own and goes on with whatever
        else the lane had in hand.

        Args:
            operations: of the first head.
            error: is told to all who wait for one of its rows.
        """
        with self._lock:
            self._let_in()
            self._replicas.write_off(operations)
            self._forget(operations)
            waiting = chain(*self._groups.values(), *(lane.rows for lane in self._lanes))
            told = [one for one in waiting if one.ticket.step.operation in operations]
            self._groups = {key: rows for key, rows in self._groups.items() if not _is_of(rows, operations)}
            self._lanes = [self._without(lane, operations) for lane in self._lanes]
        for one in told:
            one.ticket.give_up()
            _settle(one, error)
        self._served.set()
        self._wake_all()

    def _without(self, lane: Lane, operations: Collection[AnyOperation]) -> Lane:
        """A lane that has nothing of some operations, with another thread where it computes one of them."""
        others = {key: one for key, one in lane.under_way.items() if not _is_of(one.rows, operations)}
        if not _is_of(lane.running, operations):
            lane.under_way = others
            return lane
        lane.lost = True
        if lane.server is not None:
            lane.server.cancel()
        lane.thread.close()
        new = Lane(lane.place, device_thread(self._names[lane.place], self._share), figures=lane.figures)
        new.under_way = others
        self._start(new)
        return new

    def _start(self, lane: Lane) -> None:
        lane.server = asyncio.get_running_loop().create_task(
            self._serve(lane), name=f"glassbox device queue {lane.place}"
        )

    def joinable(self, head: object) -> bool | None:
        """Whether rows of a head's iterative operations join others that are under way; None where none has run yet."""
        known = [self._joinable[one] for one in operations_of(head).values() if one in self._joinable]
        return all(known) if known else None

    def add(self, heads: Sequence[object]) -> None:
        """Learn the heads of a checkpoint, one for each device."""
        self._replicas.add(heads)

    async def retire(self, head: object) -> None:
        """Keep nothing of a checkpoint any more. Waits for what the devices still have of it.

        Args:
            head: its first one.
        """
        operations = set(operations_of(head).values())
        while self._has_rows_of(operations):
            self._served.clear()
            await self._served.wait()
        with self._lock:
            self._forget(operations)

    def _forget(self, operations: Collection[AnyOperation]) -> None:
        for operation in operations:
            self._replicas.forget(operation)
            self._operations.drop(operation)
            self._joinable.pop(operation, None)

    async def aclose(self) -> None:
        """Finish what has begun, tell the rest to try again, and stop."""
        self._draining = True
        with self._lock:
            self._let_in()
            for waiting in chain.from_iterable(self._groups.values()):
                if not waiting.ticket.begun and not waiting.ticket.done.done():
                    waiting.ticket.done.set_exception(ShuttingDown())
        self._wake_all()

    async def stop(self, seconds: float | None = None) -> bool:
        """Stop serving, after `aclose` and after the last request has been answered.

        Args:
            seconds: the longest to wait for each device's thread.

        Returns:
            Whether all threads have ended.
        """
        servers = [lane.server for lane in self._lanes if lane.server is not None]
        for server in servers:
            server.cancel()
        await asyncio.gather(*servers, return_exceptions=True)
        for lane in self._lanes:
            lane.thread.close()
        return all(await asyncio.gather(*(asyncio.to_thread(lane.thread.join, seconds) for lane in self._lanes)))

    def _wake_all(self) -> None:
        for lane in self._lanes:
            lane.wake.set()

    def _let_in(self) -> None:
        """Have those who have arrived wait with the others, in their order."""
        while self._arrived:
            ticket, person = self._arrived.popleft()
            group = self._groups.setdefault(_group(ticket.step), [])
            for place, row in enumerate(ticket.step.rows):
                group.append(Waiting(ticket, place, row, self._people.tag(person, row.tokens)))

    def _has_rows_of(self, operations: set[AnyOperation]) -> bool:
        with self._lock:
            self._let_in()
            self._drop_given_up()
            rows = chain(*self._groups.values(), *(lane.rows for lane in self._lanes))
            return any(waiting.ticket.step.operation in operations for waiting in rows)

    async def _serve(self, lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await lane.wake.wait()
            lane.wake.clear()
            await self._on_device(lane, self._run_batches, lane, loop)
            self._served.set()

    async def _on_device(self, lane: Lane, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(lane.thread, function, *arguments)

    def _run_batches(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        """Run batches until nothing waits that the device can run. On its thread."""
        while self._run_batch(lane, loop):
            pass

    def _run_batch(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> bool:
        """Take a batch and run it. False where there is none."""
        try:
            batch = self._take(lane)
            outcomes = self._run(lane, batch) if batch else []
            ran = bool(batch)
        except BaseException as error:  # nothing may end this: everyone would wait for ever
            log.error("the queue of a device failed: %s", describe(error))
            outcomes = [] if lane.lost else self._fail_all(lane)
            ran = bool(outcomes)
        if lane.lost:  # it has hung, and all have been told
            return False
        if outcomes:
            loop.call_soon_threadsafe(self._hand_out, outcomes)
        return ran

    def _take(self, lane: Lane) -> list[Waiting]:
        with self._lock:
            self._let_in()
            lane.turns += 1
            lane.running = batch = [] if lane.lost else self._next_batch(lane)
        for waiting in batch:
            waiting.row.place = lane.place
        return batch

    def _run(self, lane: Lane, batch: list[Waiting]) -> Outcomes:
        own = batch[0].ticket.step.operation
        operation = self._on_lane(lane, own)
        began = time.perf_counter()
        if operation.session is not None:
            rows, outcomes = self._take_further(lane, operation, batch)
        else:
            rows = [waiting.row for waiting in batch]
            outcomes = list(zip(batch, run_isolated(operation, rows), strict=True))
        seconds = time.perf_counter() - began
        for waiting, outcome in outcomes:
            if isinstance(outcome, Exception):
                waiting.ticket.give_up()  # its other rows must not be in the next batch
        with self._lock:
            if not lane.lost:
                self._account(lane, own, rows, seconds)
                self._costs.note(own, seconds, sum(waiting.tokens for waiting, _ in outcomes))
            lane.running = []  # what is idle must not keep a checkpoint in memory
        return outcomes

    def _take_further(
        self, lane: Lane, operation: AnyOperation, batch: list[Waiting]
    ) -> tuple[list[Row[Any]], Outcomes]:
        """Let the batch's new rows join those under way, and take all of them a step further.

        Returns:
            The new rows, and what has become of those that are done.
        """
        step = batch[0].ticket.step
        key = _group(step)
        with self._lock:
            if key not in lane.under_way:
                lane.under_way[key] = UnderWay(_rows_under_way(operation, step))
            group = lane.under_way[key]
            joining = [waiting.row for waiting in batch if id(waiting.row) not in group.waiting]
            group.waiting |= {id(waiting.row): waiting for waiting in batch}
        done = group.session.take_further(joining)
        self._joinable[step.operation] = group.session.joinable
        with self._lock:
            outcomes = [(group.waiting.pop(id(row)), outcome) for row, outcome in done]
            if not group.waiting:
                lane.under_way.pop(key, None)
        return joining, outcomes

    def _hand_out(self, outcomes: Outcomes) -> None:
        for waiting, outcome in outcomes:
            _settle(waiting, outcome)
        self._served.set()

    def _on_lane(self, lane: Lane, operation: AnyOperation) -> AnyOperation:
        replica = self._replicas.on(operation, lane.place)
        assert replica is not None
        return replica

    def _fail_all(self, lane: Lane) -> Outcomes:
        """Begin anew: what runs on a device and all that waits is to be answered with `ModelFailed`."""
        with self._lock:
            failed = [*lane.rows, *chain.from_iterable(self._groups.values())]
            self._groups.clear()
            lane.running = []
            lane.under_way.clear()
        return [(waiting, ModelFailed()) for waiting in failed]

    def _drop_given_up(self) -> None:
        for key, group in list(self._groups.items()):
            group[:] = [waiting for waiting in group if not _given_up(waiting)]
            if not group:
                del self._groups[key]

    def _next_batch(self, lane: Lane) -> list[Waiting]:
        self._drop_given_up()
        if not self._groups and not any(one.rows for one in self._lanes):
            self._people.forget()
        keys = {*(key for key in self._groups if self._can_run(lane, key)), *lane.under_way}
        if not keys:
            return []
        key = min(keys, key=lambda key: self._turn(lane, key))
        return [*self._joining(lane, key), *lane.rows_under_way(key)]

    def _can_run(self, lane: Lane, key: Hashable) -> bool:
        return self._replicas.on(self._groups[key][0].ticket.step.operation, lane.place) is not None

    def _joining(self, lane: Lane, key: Hashable) -> list[Waiting]:
        """Rows that leave the queue now: a batch, or those that may join the rows under way."""
        group = self._groups.get(key, [])
        present = lane.rows_under_way(key)
        if not group or (present and not lane.under_way[key].session.admits):
            return []
        due = min(group, key=_tag)
        budget = self._on_lane(lane, due.ticket.step.operation).budget
        if present:
            budget = budget.beside([waiting.tokens for waiting in present])
        if budget.rows < 1 or (present and due.tokens > budget.padded_tokens):
            return []
        batch = gather(due, [waiting for waiting in group if waiting is not due], budget)
        chosen = set(batch)
        for waiting in batch:
            waiting.ticket.begun = True
        group[:] = [waiting for waiting in group if waiting not in chosen]
        self._people.serve(due.tag, sum(waiting.tokens for waiting in batch))
        return batch

    def _turn(self, lane: Lane, key: Hashable) -> tuple[float, float]:
        """Whose turn it is: the operation that has had the least of the devices, then the row that is due."""
        rows = [*self._groups.get(key, []), *lane.rows_under_way(key)]
        return self._operations.start(rows[0].ticket.step.operation), min(map(_tag, rows))

    def _account(self, lane: Lane, operation: AnyOperation, rows: Sequence[Row[Any]], seconds: float) -> None:
        lengths = [row.tokens for row in rows]
        figures = lane.figures
        figures.busy_seconds += seconds
        self._operations.serve(self._operations.tag(operation, seconds))
        if lengths:
            figures.batches += 1
            figures.rows += len(rows)
            figures.tokens += sum(lengths)
            figures.padded_tokens += max(lengths) * len(lengths)
            log.debug("%s: %d rows, %.0f %% padding", operation.name, len(rows), 100 * padding_waste(lengths))


def _tag(waiting: Waiting) -> float:
    return waiting.tag


def _group(step: OperationCall) -> Hashable:
    """Rows with equal keys may share a batch."""
    return step if step.alone else step.operation


def _rows_under_way(operation: AnyOperation, step: OperationCall) -> RowsUnderWay:
    assert operation.session is not None
    return RowsUnderWay(operation.name, partial(operation.session, step.alone))


def _is_of(rows: Sequence[Waiting], operations: Collection[AnyOperation]) -> bool:
    """Whether rows that share a batch are of one of these operations."""
    return bool(rows) and rows[0].ticket.step.operation in operations


def _given_up(waiting: Waiting) -> bool:
    return waiting.row.abandoned or waiting.ticket.done.done()


def _settle(waiting: Waiting, outcome: Any) -> None:
    """Hand a row's outcome to its step; the last one, or the first failure, completes it."""
    ticket = waiting.ticket
    if ticket.done.done():
        return
    if isinstance(outcome, Exception):
        ticket.done.set_exception(outcome)
        return
    ticket.outputs[waiting.place] = outcome
    ticket.missing -= 1
    if ticket.missing == 0:
        ticket.done.set_result(ticket.outputs)
