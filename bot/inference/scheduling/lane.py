"""What one device has in hand, and the thread on which it computes."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from typing import Any

from bot.inference.operations import OperationCall, Row
from bot.inference.scheduling.daemon_threads import DaemonThreads
from bot.inference.scheduling.recovery import RowsUnderWay


@dataclass(eq=False)
class Ticket:
    """A step that waits for its outputs."""

    step: OperationCall
    outputs: list[Any]
    missing: int
    done: asyncio.Future[list[Any]]
    begun: bool
    """Whether the device has had a row of it, or an earlier step of its request: that is finished at shutdown."""

    def give_up(self) -> None:
        """Nobody needs its rows any more."""
        for row in self.step.rows:
            row.abandon()


@dataclass(eq=False, slots=True)
class Waiting:
    """A row in the queue.

    Attributes:
        place: among the rows of its step.
        tag: its virtual start time.
        tokens: as many as the row has. All who wait are looked at for each batch, so this must be quick.
    """

    ticket: Ticket
    place: int
    row: Row[Any]
    tag: float
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.row.tokens


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

    @classmethod
    def of_all(cls, figures: Iterable[QueueFigures]) -> QueueFigures:
        """The totals of several devices."""
        each = list(figures)
        return cls(**{one.name: sum(getattr(figure, one.name) for figure in each) for one in fields(cls)})


@dataclass(eq=False)
class UnderWay:
    """Rows of an iterative operation that are taken further, a step a turn."""

    session: RowsUnderWay
    waiting: dict[int, Waiting] = field(default_factory=dict)
    """By the row's id."""

    @property
    def rows(self) -> list[Waiting]:
        return list(self.waiting.values())


@dataclass(eq=False)
class Lane:
    """A device, and what it has in hand. Sessions are on one device, so rows under way stay where they began.

    Attributes:
        place: its number.
        thread: where its forward passes run.
        wake: set when there may be something to do.
        running: the batch that it computes.
        turns: how many batches it has begun.
        under_way: by group.
        lost: whether its thread hangs, and another lane has taken its place: what it still computes is of no use.
    """

    place: int
    thread: DaemonThreads
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    running: list[Waiting] = field(default_factory=list)
    under_way: dict[Hashable, UnderWay] = field(default_factory=dict)
    figures: QueueFigures = field(default_factory=QueueFigures)
    server: asyncio.Task[None] | None = None
    turns: int = 0
    lost: bool = False

    @property
    def sign(self) -> tuple[int, int]:
        """Changes whenever it gets on with what is running."""
        return self.turns, sum(waiting.row.heartbeat for waiting in self.running)

    def rows_under_way(self, key: Hashable) -> list[Waiting]:
        """The rows of a group that are under way here."""
        return self.under_way[key].rows if key in self.under_way else []

    @property
    def rows(self) -> list[Waiting]:
        """All rows that it has."""
        return [*self.running, *chain.from_iterable(group.rows for group in self.under_way.values())]


def threads_each(names: Sequence[str]) -> int | None:
    """How many threads each of several CPU devices computes with, so that they do not fight; None where it is alone."""
    if (times := list(names).count("cpu")) < 2:
        return None
    import torch

    return max(1, torch.get_num_threads() // times)


def device_thread(name: str, threads: int | None) -> DaemonThreads:
    """The thread on which a device computes.

    Args:
        name: of the device.
        threads: over how many a device that is the CPU spreads its work; None leaves that to PyTorch.
    """

    def begin() -> None:
        if threads is not None and name == "cpu":
            import torch

            torch.set_num_threads(threads)  # of this thread
        elif name.startswith("cuda"):
            import torch

            torch.cuda.set_device(name)

    return DaemonThreads(1, f"glassbox-{name}", begin)
