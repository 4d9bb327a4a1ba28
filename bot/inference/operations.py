"""How a task asks for forward passes: it is a generator that yields calls of a head's operations.

Its own code (text to token ids, outputs to a result) runs on a preparation thread, the rows that it yields on a device.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from bot.errors import NotFinite, Unanswered
from bot.inference.soundness import all_finite

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")
T = TypeVar("T")

StopCriterion: TypeAlias = Callable[[Sequence[int]], bool]
"""Whether a text is complete, given its token ids so far, at least one."""

_transition = threading.Lock()
"""Held while a row changes its state: a device may take it at the moment when its caller abandons it."""


@dataclass(frozen=True)
class Budget:
    """The limit of one batch of an operation.

    The longest row times the number of rows, padding included, stays within `padded_tokens`, unless a single row
    exceeds it.
    """

    padded_tokens: int
    rows: int = 64
    waste: float = 0.35
    """The largest share of padding among the padded tokens."""
    background_tokens: int | None = None
    """`padded_tokens` of a batch for whose answers nobody waits; None if they are the same."""

    @property
    def in_background(self) -> Budget:
        """The limit of a batch for whose answers nobody waits."""
        return self if self.background_tokens is None else replace(self, padded_tokens=self.background_tokens)

    def beside(self, tokens: Sequence[int]) -> Budget:
        """Return the budget that is left for rows that join a running batch of rows with these lengths."""
        rows = max(0, self.rows - len(tokens))
        # A running batch is as wide as its widest row.
        return replace(self, rows=rows, padded_tokens=max(0, self.padded_tokens - max(tokens) * len(tokens)))

    def share(self, part: float) -> Budget:
        """Return a part of this budget, of one row at least."""
        return replace(self, rows=max(1, int(part * self.rows)), padded_tokens=int(part * self.padded_tokens))

    def split(self, lengths: Sequence[int]) -> list[list[int]]:
        """Divide rows into batches of similar length, each within the budget unless a single row exceeds it.

        Returns:
            The indices of the rows of each batch.
        """
        batches: list[list[int]] = []
        total = 0
        for index in sorted(range(len(lengths)), key=lengths.__getitem__):
            padded = lengths[index] * (len(batches[-1]) + 1) if batches else 0
            fits = batches and len(batches[-1]) < self.rows and padded <= self.padded_tokens
            if not fits or total + lengths[index] < (1 - self.waste) * padded:
                batches.append([])
                total = 0
            batches[-1].append(index)
            total += lengths[index]
        return batches


class RowState(IntEnum):
    """How far a row is, in the only order in which it changes; after nano-vllm's `SequenceStatus`."""

    WAITING = 0
    """In the queue."""
    RUNNING = 1
    """A device has taken it."""
    STOPPING = 2
    """Its caller wants the text so far: an iterative operation finishes it at the next decode step."""
    ABANDONED = 3
    """Its caller is gone: nothing is computed for it any more, and its output is dropped."""


@dataclass(eq=False)
class Row(Generic[InputT]):
    """One sequence of a batch."""

    inputs: InputT
    tokens: int
    """Its length and its cost: tokens of the prompt, plus the most tokens to generate."""
    stop_criterion: StopCriterion | None = None
    """Ends a generated text. Runs on the device's thread, so it must be quick."""
    state: RowState = field(default=RowState.WAITING, init=False)
    """Read by iterative operations between two decode steps."""
    progress: list[int] = field(default_factory=list, init=False)
    """The token ids that an iterative operation has generated so far. Only ever appended to."""
    session_state: Any = field(default=None, init=False)
    """Lets another session resume the row; None before its first session."""
    device_index: int | None = field(default=None, init=False)
    """The device that has taken it; None while it waits."""
    arrived: float = field(default=0.0, init=False)
    """When it began to wait, by `time.perf_counter()`."""
    waited: float = field(default=0.0, init=False)
    """Seconds until a device took it."""
    company: int = field(default=0, init=False)
    """Rows of the batch that it joined, itself included."""
    request_id: str = field(default="", init=False)
    """Of the request that it belongs to, for the log."""
    heartbeat: int = field(default=0, init=False)
    """Incremented by operations that take long over one batch, so that the watchdog sees progress."""

    @property
    def is_ending(self) -> bool:
        """Whether it was stopped or abandoned, so that no more tokens are wanted."""
        return self.state >= RowState.STOPPING

    @property
    def was_stopped(self) -> bool:
        """Whether its caller stopped it."""
        return self.state is RowState.STOPPING

    def wait(self, request_id: str, now: float) -> None:
        """Record when the row begins to wait, and for whom."""
        self.request_id, self.arrived = request_id, now

    def run_on(self, device_index: int, company: int = 1) -> None:
        """Record the device that has taken the row, and the rows of its batch, itself included."""
        self.device_index, self.company = device_index, company
        self.waited = time.perf_counter() - self.arrived
        self._advance(RowState.RUNNING)

    def stop(self) -> None:
        """Ask for the text so far, from any thread."""
        self._advance(RowState.STOPPING)

    def abandon(self) -> None:
        """Record that nobody waits for the row any more, from any thread."""
        self._advance(RowState.ABANDONED)

    def _advance(self, state: RowState) -> None:
        with _transition:
            if state > self.state:
                self.state = state

    def is_complete(self) -> bool:
        """Return whether the stop criterion ends the text. Decoders call this once per decode step."""
        return self.stop_criterion is not None and bool(self.progress) and self.stop_criterion(self.progress)


AnyRow: TypeAlias = Row[Any]


class Session(Protocol[InputT, OutputT]):
    """The running batch of an iterative operation. Used on the device's thread only."""

    joinable: bool
    """Whether rows may join while others are running."""

    def __len__(self) -> int:
        """Return how many rows are running."""

    def join(self, rows: Sequence[Row[InputT]]) -> None:
        """Add rows, new or from another session; they take part in the next step."""

    def step(self) -> None:
        """Run one decode step: one more token for every row."""

    def leave(self) -> list[tuple[Row[InputT], OutputT | Unanswered]]:
        """Remove the finished rows; return each with its output, or with the error that it alone gets."""


@dataclass(frozen=True, eq=False)
class Operation(Generic[InputT, OutputT]):
    """A head's computation for a batch of rows. Rows of the same operation may share a batch.

    Attributes:
        name: for the status and the logs.
        run: called on the device's thread; returns one output per row, in order.
        session: opens an empty session, for iterative operations only; its argument is `OperationCall.alone`.
        is_sound: whether an output may become an answer. If not, its row alone fails with `NotFinite`.
    """

    name: str
    run: Callable[[Sequence[Row[InputT]]], Sequence[OutputT]]
    budget: Budget
    session: Callable[[bool], Session[InputT, OutputT]] | None = None
    is_sound: Callable[[OutputT], bool] = all_finite

    @classmethod
    def iterative(
        cls, name: str, session: Callable[[bool], Session[InputT, OutputT]], budget: Budget
    ) -> Operation[InputT, OutputT]:
        """Create an operation whose rows are decoded step by step; its `run` decodes them to the end."""

        def run(rows: Sequence[Row[InputT]]) -> list[OutputT]:
            for row in rows:  # another session may have begun them
                row.progress.clear()
                row.session_state = None
            return run_session(session(True), rows)

        return cls(name, run, budget, session)

    def checked(self, outputs: Sequence[OutputT]) -> list[OutputT | Unanswered]:
        """Replace the outputs that are not sound by `NotFinite`."""
        return [one if self.is_sound(one) else NotFinite() for one in outputs]

    def __call__(self, rows: Sequence[Row[InputT]], *, alone: bool = False) -> TaskRun[list[OutputT]]:
        """Compute the rows' outputs: `outputs = yield from head.classify(rows)` inside a task.

        Args:
            rows: at least one.
            alone: keep other requests' rows out of the batch, for results that must not depend on them.
        """
        outputs: list[OutputT] = yield OperationCall(self, list(rows), alone)
        return outputs


@dataclass(frozen=True, eq=False)
class OperationCall:
    """The rows whose outputs a task waits for."""

    operation: Operation[Any, Any]
    rows: list[Row[Any]]
    alone: bool = False
    behind: bool = False
    """Whether its rows run behind those of everybody who waits, although somebody may wait for these."""


TaskRun: TypeAlias = Generator[OperationCall, Any, T]
"""A task's generator that returns a `T`."""


def run_session(session: Session[InputT, OutputT], rows: Sequence[Row[InputT]]) -> list[OutputT]:
    """Decode rows to the end; return their outputs in order.

    Raises:
        Unanswered: one of them has failed.
    """
    outputs = {id(row): output for row, output in decode_step(session, rows)}
    while len(session):
        outputs |= {id(row): output for row, output in decode_step(session, [])}
    return [_output(outputs[id(row)]) for row in rows]


def _output(outcome: T | Unanswered) -> T:
    if isinstance(outcome, Unanswered):
        raise outcome
    return outcome


def decode_step(session: Session[InputT, OutputT], joining: Sequence[Row[InputT]]) -> list[tuple[Row[InputT], Any]]:
    """Let rows join a session and run one decode step; return the finished rows as `Session.leave` does."""
    done = session.leave()  # rows that were stopped or abandoned since the last step
    if joining:
        session.join(joining)
    if len(session):
        session.step()
    return [*done, *session.leave()]


def run_task(task_run: TaskRun[T]) -> T:
    """Run a task to its end in the calling thread, without a worker, for tests and measurements.

    Raises:
        NotFinite: an output is not finite.
    """
    try:
        call = next(task_run)
        while True:
            outputs = call.operation.checked(call.operation.run(call.rows))
            call = task_run.send([_output(one) for one in outputs])
    except StopIteration as end:
        value: T = end.value
        return value
