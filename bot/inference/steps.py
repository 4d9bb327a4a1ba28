"""How a task asks for the device.

A task is a generator. What it does before its first `yield` is preparation (text to token ids), what it yields is a
`Step` (rows for one operation of a head), and what it does with the outputs it is sent is finishing. Preparation and
finishing run on the preparation threads, rows run on the device, batched with the rows of other people's requests.
A task that needs several forward passes, the second depending on the first, simply yields twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

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


@dataclass(eq=False)
class Row(Generic[InputT]):
    """One sequence for the device."""

    inputs: InputT
    tokens: int
    """Its length, and so its cost: prompt tokens plus the tokens still to be generated."""
    abandoned: bool = field(default=False, init=False)
    """Set when nobody waits for it any more. Operations that take long look at it between two steps."""


@dataclass(frozen=True, eq=False)
class Operation(Generic[InputT, OutputT]):
    """What a head can do with a batch of rows. Rows of the same operation may share a batch.

    Attributes:
        name: for the status and the logs.
        run: called on the device's thread; returns one output per row, in order.
        budget: how large a batch may be.
    """

    name: str
    run: Callable[[Sequence[Row[InputT]]], Sequence[OutputT]]
    budget: Budget

    def __call__(self, rows: Sequence[Row[InputT]], *, alone: bool = False) -> Steps[list[OutputT]]:
        """Compute the rows' outputs: `outputs = yield from head.classify(rows)` inside a task.

        Args:
            rows: at least one.
            alone: keep other requests' rows out of the batch, for results that must not depend on them.
        """
        outputs: list[OutputT] = yield Step(self, list(rows), alone)
        return outputs


@dataclass(frozen=True, eq=False)
class Step:
    """Rows that a task waits for."""

    operation: Operation[Any, Any]
    rows: list[Row[Any]]
    alone: bool = False


Steps: TypeAlias = Generator[Step, Any, T]
"""The type of a task's generator that returns a `T`."""


def run_steps(steps: Steps[T]) -> T:
    """Run a task to its end in the calling thread, a step at a time, without a worker.

    For tests, evaluation and measurements of a lone direct call.
    """
    try:
        step = next(steps)
        while True:
            step = steps.send(list(step.operation.run(step.rows)))
    except StopIteration as end:
        value: T = end.value
        return value
