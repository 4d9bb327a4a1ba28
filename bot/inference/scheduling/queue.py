"""The queue in front of the devices: rows wait here, and the next free device takes a batch of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Hashable, Sequence
from functools import partial
from typing import Any

from bot.errors import DeviceFailed, ModelFailed, NotResponding, ShuttingDown, Unanswered, describe
from bot.inference.compute.device_faults import still_computes
from bot.inference.observer import Observer, Unobserved
from bot.inference.operations import OperationCall
from bot.inference.scheduling.device_runner import DeviceRunner, DeviceTotals, device_thread, threads_each
from bot.inference.scheduling.isolation import run_isolated
from bot.inference.scheduling.pending import Outcomes, PendingCall, QueuedRow
from bot.inference.scheduling.replicas import AnyOperation, operations_of
from bot.inference.scheduling.scheduler import Scheduler
from bot.request_ids import request_id

log = logging.getLogger(__name__)


class DeviceQueue:
    """Computes rows of any operation and any person in fair order, on one thread for each device.

    A free device starts at once with the rows that wait. While all are busy, the next batch gathers.

    Args:
        names: of the devices, as PyTorch writes them.
        observer: hears of every batch, on the device's thread.

    Attributes:
        device_gone: set when a device computes nothing more in this process.
    """

    def __init__(self, names: Sequence[str], observer: Observer | None = None) -> None:
        self._names = list(names)
        self._observer = observer or Unobserved()
        self._threads = threads_each(names)
        self._scheduler = Scheduler([self._runner(index) for index in range(len(names))])
        self._pending: dict[OperationCall, PendingCall] = {}
        self._served = asyncio.Event()
        self._draining = False
        self.device_gone = asyncio.Event()

    def _runner(self, index: int) -> DeviceRunner:
        return DeviceRunner(index, device_thread(self._names[index], self._threads))

    @property
    def _runners(self) -> list[DeviceRunner]:
        return self._scheduler.runners

    def start(self) -> None:
        """Start to serve; needs a running event loop."""
        for runner in self._runners:
            self._start(runner)

    async def compute(
        self, call: OperationCall, person: Hashable, *, resumed: bool = False, background: bool = False
    ) -> list[Any]:
        """Return the outputs of a call's rows, in order. Cancelling this costs no further device time.

        Args:
            person: whose request it is, for fairness.
            resumed: whether an earlier call of the request was computed.
            background: whether its rows run behind those of everybody who waits.

        Raises:
            Unanswered: a row failed, also alone.
            DeviceFailed: a device computes nothing more.
            NotResponding: the call's checkpoint was discarded because a thread hangs in it.
            ShuttingDown: the queue is draining, and the request has not begun.
        """
        if self._draining and not resumed:
            raise ShuttingDown
        if self.device_gone.is_set():
            raise DeviceFailed
        if self._scheduler.replicas.is_discarded(call.operation):
            raise NotResponding()
        if not call.rows:
            return []
        working_for, now = request_id.get(), time.perf_counter()
        for row in call.rows:
            row.wait(working_for, now)
        pending = PendingCall(call, person, asyncio.get_running_loop().create_future(), resumed, background)
        self._pending[call] = pending
        self._scheduler.add(pending)
        self._wake_all()
        try:
            return await pending.done
        except BaseException:  # cancelled, or one of the rows failed: the others are of no use
            self._scheduler.abandon(pending)
            raise
        finally:
            del self._pending[call]
            del pending  # its error refers to this frame: such a circle would keep a checkpoint in memory

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return self._scheduler.waiting

    def position(self, call: OperationCall) -> int | None:
        """Return how many waiting rows are due before a call's first one; None if none of its rows waits."""
        pending = self._pending.get(call)
        return None if pending is None else self._scheduler.position(pending)

    @property
    def expected_seconds(self) -> float:
        """Seconds until the devices have no more work, by recent costs of such rows."""
        return self._scheduler.expected_seconds

    @property
    def totals(self) -> list[DeviceTotals]:
        """The work of each device so far."""
        return [runner.totals for runner in self._runners]

    @property
    def heartbeats(self) -> dict[Hashable, Hashable]:
        """The busy runners, each with a value that changes with its progress."""
        return {runner: runner.heartbeat for runner in self._runners if runner.computing}

    def operations_in(self, runner: Hashable) -> frozenset[AnyOperation]:
        """Return all operations of the checkpoint that a runner computes with; none for anything else."""
        rows = runner.computing if isinstance(runner, DeviceRunner) else []
        return self._scheduler.replicas.siblings(rows[0].operation) if rows else frozenset()

    @staticmethod
    def requests_in(runner: Hashable) -> list[str]:
        """Return the ids of the requests that a runner computes; none for anything else."""
        return [one.row.request_id for one in runner.computing] if isinstance(runner, DeviceRunner) else []

    def discard(self, operations: Collection[AnyOperation], error: Unanswered) -> None:
        """Compute nothing more of a checkpoint in which a thread hangs, and replace the runners that compute with it.

        Args:
            operations: of the first head.
            error: for every call that waits for one of its rows.
        """
        dropped = self._scheduler.discard(operations, self._replacement)
        for row in dropped:
            row.pending.abandon()
            row.pending.deliver(row.index, error)
        self._served.set()
        self._wake_all()

    def joinable(self, head: object) -> bool | None:
        """Return whether rows of a head's iterative operations join a running batch; None if none has run yet."""
        return self._scheduler.joinable(head)

    def add(self, heads: Sequence[object]) -> None:
        """Add the heads of a checkpoint, one for each device."""
        self._scheduler.replicas.add(heads)

    async def retire(self, head: object) -> None:
        """Forget the checkpoint of a first head as soon as no device has rows of it."""
        operations = set(operations_of(head).values())
        while self._scheduler.has_rows_of(operations):
            self._served.clear()
            await self._served.wait()
        # A thread that has just delivered the last of them holds the checkpoint until it takes its next batch.
        leaving = {runner: runner.batches_begun for runner in self._runners}
        while any(runner.is_between_batches and runner.batches_begun == begun for runner, begun in leaving.items()):
            self._served.clear()
            await self._served.wait()
        self._scheduler.forget(operations)

    async def aclose(self) -> None:
        """Finish the requests that have begun, refuse the others, and take no new ones."""
        self._draining = True
        self._scheduler.refuse_new()
        self._wake_all()

    async def stop(self, seconds: float | None = None) -> bool:
        """Stop serving, after `aclose` and the last answer.

        Args:
            seconds: the longest to wait for each device's thread.

        Returns:
            Whether all threads have ended.
        """
        servers = [runner.server for runner in self._runners if runner.server is not None]
        for server in servers:
            server.cancel()
        await asyncio.gather(*servers, return_exceptions=True)
        for runner in self._runners:
            runner.thread.shutdown(wait=False)
        return all(await asyncio.gather(*(asyncio.to_thread(runner.thread.join, seconds) for runner in self._runners)))

    def _wake_all(self) -> None:
        for runner in self._runners:
            runner.wake.set()

    def _replacement(self, hung: DeviceRunner) -> DeviceRunner:
        if hung.server is not None:
            hung.server.cancel()
        hung.thread.shutdown(wait=False)
        new = self._runner(hung.device_index)
        new.totals = hung.totals
        self._start(new)
        return new

    def _start(self, runner: DeviceRunner) -> None:
        runner.server = asyncio.get_running_loop().create_task(
            self._serve(runner), name=f"glassbox device queue {runner.device_index}"
        )

    async def _serve(self, runner: DeviceRunner) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await runner.wake.wait()
            runner.wake.clear()
            if self.device_gone.is_set():  # whatever waits is given up
                return
            await loop.run_in_executor(runner.thread, self._run_batches, runner, loop)
            self._served.set()

    def _run_batches(self, runner: DeviceRunner, loop: asyncio.AbstractEventLoop) -> None:
        """Run batches until none waits that the device can run. On its thread."""
        # Without going through the event loop between two batches, which would idle the device 3 % of the time.
        runner.is_serving = True
        while self._run_batch(runner, loop):
            pass
        runner.is_serving = False

    def _run_batch(self, runner: DeviceRunner, loop: asyncio.AbstractEventLoop) -> bool:
        """Take a batch and run it; return False if there is none."""
        try:
            batch = self._scheduler.take(runner)
            outcomes = self._run(runner, batch) if batch else []
            ran = bool(batch)
        except BaseException as error:  # nothing may end this thread, or every caller would wait forever
            log.error("the queue of a device failed: %s", describe(error))
            dropped = [] if runner.is_replaced else self._scheduler.drop_all(runner)
            outcomes = [(row, ModelFailed()) for row in dropped]
            ran = bool(outcomes)
        if runner.is_replaced:  # it hung, and its callers have their errors
            return False
        if any(isinstance(outcome, ModelFailed) for _, outcome in outcomes):
            outcomes = self._explained(runner, outcomes)
        if outcomes:
            loop.call_soon_threadsafe(self._deliver, outcomes)
        # Whatever still waits for a device that is gone is given up on the event loop.
        return ran and not any(isinstance(outcome, DeviceFailed) for _, outcome in outcomes)

    def _explained(self, runner: DeviceRunner, outcomes: Outcomes) -> Outcomes:
        """Tell a device that computes nothing more from a request that fails."""
        if still_computes(self._names[runner.device_index]):
            return outcomes
        return [(row, DeviceFailed() if isinstance(one, ModelFailed) else one) for row, one in outcomes]

    def _run(self, runner: DeviceRunner, batch: list[QueuedRow]) -> Outcomes:
        first = batch[0].operation
        operation = self._scheduler.replicas.on(first, runner.device_index)
        if operation is None:
            raise LookupError(f"{first.name} has no replica on this device")
        began, shortages = time.perf_counter(), self._scheduler.shortages
        if operation.session is not None:
            running, new = self._scheduler.join(runner, operation, batch)
            outcomes = self._scheduler.leave(runner, running, running.session.decode_step(new))
        else:
            new = [one.row for one in batch]
            outcomes = list(
                zip(batch, run_isolated(operation, new, partial(self._scheduler.too_many, first)), strict=True)
            )
        if new and self._scheduler.shortages == shortages:
            self._scheduler.fitted(first, [one.row for one in batch])
        self._scheduler.account(runner, first, new, outcomes, time.perf_counter() - began)
        if new and not runner.is_replaced:
            behind = {one.row for one in batch if one.pending.background}
            waits = [row.waited for row in new if row not in behind]
            self._observer.batch(first.name, [row.tokens for row in new], waits)
        return outcomes

    def _deliver(self, outcomes: Outcomes) -> None:
        for row, outcome in outcomes:
            row.pending.deliver(row.index, outcome)
            if isinstance(outcome, DeviceFailed):
                self.device_gone.set()
        self._served.set()
