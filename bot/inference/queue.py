"""The queue in front of a device: rows wait here, and the device takes a batch whenever it is free."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from bot.errors import ModelFailed, ShuttingDown, describe
from bot.inference.batching import FairClock, gather, padding_waste
from bot.inference.isolation import run_isolated
from bot.inference.steps import Operation, Row, Session, Step, take_further

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Ticket:
    """A step that waits for its outputs."""

    step: Step
    outputs: list[Any]
    missing: int
    done: asyncio.Future[list[Any]]
    begun: bool
    """Whether the device has had a row of it, or an earlier step of its request: that is finished at shutdown."""


@dataclass(eq=False)
class Waiting:
    """A row in the queue."""

    ticket: Ticket
    place: int
    tag: float

    @property
    def row(self) -> Row[Any]:
        return self.ticket.step.rows[self.place]

    @property
    def tokens(self) -> int:
        return self.row.tokens


@dataclass
class QueueFigures:
    """Running totals, for the status and the benchmark. Steps in which no row joins are no batch."""

    batches: int = 0
    rows: int = 0
    busy_seconds: float = 0.0
    padded_tokens: int = 0
    tokens: int = 0

    @property
    def waste(self) -> float:
        """The share of padding among all tokens that were computed, 0 to 1."""
        return 1 - self.tokens / self.padded_tokens if self.padded_tokens else 0.0


@dataclass(eq=False)
class UnderWay:
    """Rows of an iterative operation that are taken further, a step a turn."""

    session: Session[Any, Any]
    waiting: dict[int, Waiting]
    """By the row's id."""

    @property
    def rows(self) -> list[Waiting]:
        return list(self.waiting.values())


class DeviceQueue:
    """Rows of any operation and any person, run in fair order on one device thread.

    No batch waits for company: an idle device starts at once, and while it is busy the next batch gathers.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"glassbox-{name}")
        self._groups: dict[Hashable, list[Waiting]] = {}
        self._people = FairClock()
        self._operations = FairClock()
        self._wake = asyncio.Event()
        self._draining = False
        self._server: asyncio.Task[None] | None = None
        self._running: list[Waiting] = []
        self._under_way: dict[Hashable, UnderWay] = {}
        self.figures = QueueFigures()

    def start(self) -> None:
        """Begin to serve; needs a running event loop."""
        self._server = asyncio.get_running_loop().create_task(self._serve(), name="glassbox device queue")

    async def compute(self, step: Step, person: Hashable, *, resumed: bool = False) -> list[Any]:
        """The outputs of a step's rows, in order. Cancelling this costs no further device time.

        Args:
            step: what to compute.
            person: whose request it is, for fairness.
            resumed: whether the request has had a step computed before.

        Raises:
            Unanswered: a row failed, also alone.
            ShuttingDown: the queue is draining, and this request has not begun.
        """
        if self._draining and not resumed:
            raise ShuttingDown
        if not step.rows:
            return []
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        ticket = Ticket(step, [None] * len(step.rows), len(step.rows), done, resumed)
        group = self._groups.setdefault(_group(step), [])
        for place, row in enumerate(step.rows):
            group.append(Waiting(ticket, place, self._people.tag(person, row.tokens)))
        self._wake.set()
        try:
            return await done
        except BaseException:  # given up, or one of the rows failed: nobody needs the others
            for row in step.rows:
                row.abandoned = True
            raise

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        return sum(map(len, self._groups.values()))

    async def aclose(self) -> None:
        """Finish what has begun, tell the rest to try again, and stop."""
        self._draining = True
        for group in self._groups.values():
            for waiting in group:
                if not waiting.ticket.begun and not waiting.ticket.done.done():
                    waiting.ticket.done.set_exception(ShuttingDown())
        self._wake.set()

    async def stop(self) -> None:
        """Stop serving, after `aclose` and after the last request has been answered."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown, wait=True)

    async def _serve(self) -> None:
        while True:
            try:
                await self._serve_batch()
            except Exception as error:  # nothing may end the loop: everyone would wait for ever
                log.error("the queue of a device failed: %s", describe(error))
                self._fail_all()

    async def _serve_batch(self) -> None:
        self._running = batch = self._next_batch()
        if not batch:
            self._wake.clear()
            await self._wake.wait()
            return
        rows = [waiting.row for waiting in batch]
        operation = batch[0].ticket.step.operation
        began = time.perf_counter()
        if operation.session is not None:
            rows = await self._take_further(operation, operation.session, batch)
        else:
            outcomes = await self._on_device(run_isolated, operation, rows)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _settle(waiting, outcome)
        self._account(operation, rows, time.perf_counter() - began)

    async def _take_further(
        self, operation: Operation[Any, Any], begin: Callable[[], Session[Any, Any]], batch: list[Waiting]
    ) -> list[Row[Any]]:
        """Let the batch's new rows join those under way, and take all of them a step further; returns the new ones."""
        key = _group(batch[0].ticket.step)
        group = self._under_way.setdefault(key, UnderWay(begin(), {}))
        joining = [waiting.row for waiting in batch if id(waiting.row) not in group.waiting]
        group.waiting |= {id(waiting.row): waiting for waiting in batch}
        try:
            done = await self._on_device(take_further, group.session, joining)
        except Exception as error:
            log.warning("%s failed under way, and begins again: %s", operation.name, describe(error))
            # Which row it was is found out by running them to their end without company for others to join.
            outcomes = await self._on_device(run_isolated, operation, [waiting.row for waiting in group.rows])
            done = list(zip([waiting.row for waiting in group.rows], outcomes, strict=True))
            del self._under_way[key]
        for row, outcome in done:
            _settle(group.waiting.pop(id(row)), outcome)
        if not group.waiting:
            self._under_way.pop(key, None)
        return joining

    async def _on_device(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _fail_all(self) -> None:
        """Answer what runs and what waits with `ModelFailed`, and begin anew."""
        under_way = chain.from_iterable(group.rows for group in self._under_way.values())
        for waiting in [*self._running, *under_way, *chain.from_iterable(self._groups.values())]:
            _settle(waiting, ModelFailed())
        self._groups.clear()
        self._under_way.clear()

    def _next_batch(self) -> list[Waiting]:
        for key, group in list(self._groups.items()):
            group[:] = [waiting for waiting in group if not _given_up(waiting)]
            if not group:
                del self._groups[key]
        keys = {*self._groups, *self._under_way}
        if not keys:
            self._people.forget()
            return []
        key = min(keys, key=self._turn)
        return [*self._joining(key), *self._rows_under_way(key)]

    def _rows_under_way(self, key: Hashable) -> list[Waiting]:
        return self._under_way[key].rows if key in self._under_way else []

    def _joining(self, key: Hashable) -> list[Waiting]:
        """Rows that leave the queue now: a batch, or those that may join the rows under way."""
        group = self._groups.get(key, [])
        present = self._rows_under_way(key)
        if not group or (present and not self._under_way[key].session.joinable):
            return []
        due = min(group, key=_tag)
        budget = due.ticket.step.operation.budget
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

    def _turn(self, key: Hashable) -> tuple[float, float]:
        """Whose turn it is: the operation that has had the least of the device, then the row that is due."""
        rows = [*self._groups.get(key, []), *self._rows_under_way(key)]
        return self._operations.start(rows[0].ticket.step.operation), min(map(_tag, rows))

    def _account(self, operation: Operation[Any, Any], rows: Sequence[Row[Any]], seconds: float) -> None:
        lengths = [row.tokens for row in rows]
        figures = self.figures
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


def _group(step: Step) -> Hashable:
    """Rows with equal keys may share a batch."""
    return step if step.alone else step.operation


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
