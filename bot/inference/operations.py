"""How a task asks for the device.

A task is a generator. What it does before its first `yield` is preparation (text to token ids), what it yields is an
`OperationCall` (rows for one operation of a head), and what it does with the outputs it is sent is finishing.
Preparation and finishing run on the preparation threads, rows run on the device, batched with other people's rows.
A task that needs several forward passes, the second depending on the first, simply yields twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from bot.errors import NotFinite, Unanswered
from bot.inference.soundness import all_finite

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")
T = TypeVar("T")


@dataclass(frozen=True)
class Budget:
    """How large one batch of an operation may be.

    The product of the longest row and the number of rows, padding included, stays within `padded_tokens`, unless one
    row alone exceeds it.
    """

    padded_tokens: int
    rows: int = 64
    waste: float = 0.35
    """Largest share of the padded tokens that may be padding."""

    def beside(self, tokens: Sequence[int]) -> Budget:
        """What is left for rows that join others of these lengths.

        Rows under way together are as wide as the widest of them.
        """
        places = max(0, self.rows - len(tokens))
        return replace(self, rows=places, padded_tokens=max(0, self.padded_tokens - max(tokens) * len(tokens)))


@dataclass(eq=False)
class Row(Generic[InputT]):
    """One sequence for the device."""

    inputs: InputT
    tokens: int
    """Its length, and so its cost: prompt tokens plus the tokens still to be generated."""
    abandoned: bool = field(default=False, init=False)
    """Set when nobody waits for it any more. Iterative operations look at it between two steps."""
    stopped: bool = field(default=False, init=False)
    """Set when what there is so far is enough. Iterative operations look at it between two steps."""
    progress: list[Any] = field(default_factory=list, init=False)
    """What an iterative operation has made of it so far, such as token ids. Only ever appended to."""
    state: Any = field(default=None, init=False)
    """What a session knows of it besides: another one goes on from there. None where no session has had it."""
    place: int | None = field(default=None, init=False)
    """The number of the device that has taken it; None where none has."""
    pulse: int = field(default=0, init=False)
    """Raised as a sign of life by operations that take long over one batch: the watchdog looks at it."""


class Session(Protocol[InputT, OutputT]):
    """Rows of an iterative operation that are under way together. Used on the device's thread only."""

    joinable: bool
    """Whether rows may join others that are under way."""

    def __len__(self) -> int:
        """How many rows are under way."""
        ...

    def join(self, rows: Sequence[Row[InputT]]) -> None:
        """Have new rows begin with the next step, or go on from where another session has left them."""
        ...

    def step(self) -> None:
        """Take every row one step further."""
        ...

    def leave(self) -> list[tuple[Row[InputT], OutputT | Unanswered]]:
        """Take out the rows that are done, with their outputs, or with the errors that they alone get."""
        ...


@dataclass(frozen=True, eq=False)
class Operation(Generic[InputT, OutputT]):
    """What a head can do with a batch of rows. Rows of the same operation may share a batch.

    Attributes:
        name: for the status and the logs.
        run: called on the device's thread; returns one output per row, in order.
        budget: how large a batch may be.
        session: for an operation that goes on step by step, begins an empty session; rows may join it while others are
            under way. It is told whether the rows are to be alone (see `OperationCall`). `run` then takes rows to
            their end by themselves.
        is_sound: whether an output may be made an answer of. Where not, its row alone fails with `NotFinite`.
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
        """An operation that goes on step by step."""

        def run(rows: Sequence[Row[InputT]]) -> list[OutputT]:
            for row in rows:  # they may have been under way before
                row.progress.clear()
                row.state = None
            return run_session(session(True), rows)

        return cls(name, run, budget, session)

    def checked(self, outputs: Sequence[OutputT]) -> list[OutputT | Unanswered]:
        """Outputs of `run`, with `NotFinite` in the place of those that are not sound."""
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
    """Rows that a task waits for."""

    operation: Operation[Any, Any]
    rows: list[Row[Any]]
    alone: bool = False


TaskRun: TypeAlias = Generator[OperationCall, Any, T]
"""The type of a task's generator that returns a `T`."""


def run_session(session: Session[InputT, OutputT], rows: Sequence[Row[InputT]]) -> list[OutputT]:
    """Take rows to their end; returns their outputs in order.

    Raises:
        Unanswered: one of them has failed.
    """
    outputs = {id(row): output for row, output in take_further(session, rows)}
    while len(session):
        outputs |= {id(row): output for row, output in take_further(session, [])}
    return [_output(outputs[id(row)]) for row in rows]


def _output(outcome: T | Unanswered) -> T:
    if isinstance(outcome, Unanswered):
        raise outcome
    return outcome


def take_further(session: Session[InputT, OutputT], joining: Sequence[Row[InputT]]) -> list[tuple[Row[InputT], Any]]:
    """Let rows join those under way, take all of them a step further, and return those that are done.

    Each has its output, or the `Unanswered` error that it alone gets.
    """
    done = session.leave()  # whoever was stopped or given up since the last step
    if joining:
        session.join(joining)
    if len(session):
        session.step()
    return [*done, *session.leave()]


def run_task(steps: TaskRun[T]) -> T:
    """Run a task to its end in the calling thread, a step at a time, without a worker.

    For tests, evaluation and measurements of a lone direct call.

    Raises:
        NotFinite: what was computed is no number.
    """
    try:
        step = next(steps)
        while True:
            outputs = step.operation.checked(step.operation.run(step.rows))
            step = steps.send([_output(one) for one in outputs])
    except StopIteration as end:
        value: T = end.value
        return value
