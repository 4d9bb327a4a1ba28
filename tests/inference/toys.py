"""A head whose operations are plain Python, so that the worker can be watched closely."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.inference.answering import Answering
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, Preset
from bot.inference.heads.calibration import Calibrations
from bot.inference.operations import Budget, Operation, Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.worker import InferenceWorker, Limits
from tests.support import CPU, open_worker
from tests.timers import PATIENCE


@dataclass(frozen=True)
class ToyRequest(Request[int]):
    """Answered with `steps * rows * 2 * value`.

    Attributes:
        operation: which of the head's operations is wanted.
        rows: how many rows a step has.
        steps: how many steps there are, one after the other.
        tokens: length of each row.
        prepare: called while the request is prepared.
        finish: called when it is finished.
    """

    value: int
    operation: str = "double"
    rows: int = 1
    steps: int = 1
    tokens: int = 8
    alone: bool = False
    prepare: Callable[[], Any] | None = None
    finish: Callable[[], Any] | None = None


class ToyHead:
    """Doubles numbers.

    Attributes:
        gate: while it is closed, the device is held within a batch.
        batches: the values of every batch that was begun.
        inside: how many devices are within a batch.
        fault: called with the values of every batch, on the device's thread; may raise.
    """

    kind = HeadKind.SEQUENCE_CLASSIFIER
    device = CPU
    precision = "float32"
    precision_reason = "it is a toy"
    weight_bytes = 10

    def __init__(self, budget: Budget) -> None:
        self.calibrations = Calibrations()
        self.double: Operation[int, int] = Operation("double", self._double, budget)
        self.second: Operation[int, int] = Operation("second", self._double, budget)
        self.endless: Operation[int, int] = Operation("endless", self._endless, budget)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[int]] = []
        self.inside = 0
        self._lock = threading.Lock()
        self.fault: Callable[[list[int]], object] = lambda values: None
        self.outputs: Callable[[list[int]], Sequence[int]] = lambda values: [2 * value for value in values]

    def _double(self, rows: Sequence[Row[int]]) -> Sequence[int]:
        values = [row.inputs for row in rows]
        self.batches.append(values)
        self._enter(1)
        try:
            if not self.gate.wait(PATIENCE):
                raise RuntimeError("the test forgot to open the gate")
            self.fault(values)
            return self.outputs(values)
        finally:
            self._enter(-1)

    def _endless(self, rows: Sequence[Row[int]]) -> Sequence[int]:
        self.batches.append([row.inputs for row in rows])
        self._enter(1)
        end = time.monotonic() + PATIENCE
        while not all(row.is_ending for row in rows) and time.monotonic() < end:
            time.sleep(0.001)
        self._enter(-1)
        return [0 for _ in rows]

    def _enter(self, change: int) -> None:
        with self._lock:
            self.inside += change

    @property
    def running(self) -> bool:
        """Whether any device is within a batch."""
        return self.inside > 0

    @property
    def values(self) -> list[int]:
        """All values that the device has had, in order."""
        return [value for batch in self.batches for value in batch]


def toy_steps(head: ToyHead, request: ToyRequest) -> TaskRun[int]:
    if request.prepare is not None:
        request.prepare()
    operation: Operation[int, int] = getattr(head, request.operation)
    total = 0
    for _ in range(request.steps):
        rows = [Row(request.value, request.tokens) for _ in range(request.rows)]
        total += sum((yield from operation(rows, alone=request.alone)))
    if request.finish is not None:
        request.finish()
    return total


CALIBRATION = -7
"""What the device is given to calibrate the toy."""


def calibrate(head: ToyHead) -> TaskRun[None]:
    yield from head.double([Row(CALIBRATION, 8)])


TASK = Task("toy", ToyRequest, {ToyHead.kind: Implementation(toy_steps)}, repeatable=False)
CALIBRATED = replace(TASK, implementations={ToyHead.kind: Implementation(toy_steps, calibrate=calibrate)})
PRESET = Preset(
    "toys", "", {"toy": CheckpointSpec("Toy", FolderSource(Path("/nowhere")), note="A toy spoke.")}, known={}
)
GENEROUS = Limits(requests=2_000, per_person=2_000, seconds=PATIENCE)


class ToyShop:
    """Opens workers over one toy head, and decides how it is loaded.

    Args:
        devices: how many devices it is on; all of them share the head.
    """

    def __init__(self, cache: Path, devices: int = 1) -> None:
        self.devices = [CPU] * devices
        self.head = ToyHead(Budget(64, rows=8))
        self.load: Callable[[], ToyHead] = lambda: self.head
        self.loads = 0
        self._cache = cache

    def load_head(self, *arguments: Any) -> ToyHead:
        """In the place of `bot.inference.checkpoints.loading.load_head`."""
        self.loads += 1
        return self.load()

    @asynccontextmanager
    async def open(self, limits: Limits = GENEROUS, *, calibrate: bool = False) -> AsyncIterator[InferenceWorker]:
        """A worker whose model has not been loaded yet. Opens the gate at the end, so that nothing hangs."""
        tasks = [CALIBRATED if calibrate else TASK]
        async with open_worker(PRESET, self._cache, tasks=tasks, limits=limits, device=self.devices) as worker:
            try:
                yield worker
            finally:
                self.head.gate.set()

    @asynccontextmanager
    async def hold(self, worker: InferenceWorker, value: int = 0) -> AsyncIterator[Answering[Any]]:
        """Each device is busy with one request while the body runs; gives one of the requests."""
        self.head.gate.clear()
        held = [worker.submit(ToyRequest(value, alone=True), person=-1) for _ in self.devices]
        await until(lambda: self.head.inside == len(self.devices))
        try:
            yield held[0]
        finally:
            self.head.gate.set()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on threads
            await asyncio.sleep(0.001)


async def queued(worker: InferenceWorker, rows: int) -> None:
    """Wait until so many rows wait for the device."""
    await until(lambda: worker.status().rows_waiting == rows)


async def outcomes(*answers: Answering[Any]) -> list[Any]:
    """What has come of answers: results, and errors in the place of those that failed."""
    found = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 20)
    return [one if isinstance(one, BaseException) else one.result for one in found]
