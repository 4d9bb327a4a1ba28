"""A device with its thread and its batches."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from bot.inference.scheduling.daemon_threads import DaemonThreads
from bot.inference.scheduling.pending import QueuedRow
from bot.inference.scheduling.recovery import RecoveringSession
from bot.inference.scheduling.replicas import AnyOperation
from bot.inference.scheduling.turns import Alternation


@dataclass
class DeviceTotals:
    """A device's work so far. A decode step that no row joins counts as no batch."""

    batches: int = 0
    rows: int = 0
    busy_seconds: float = 0.0
    padded_tokens: int = 0
    tokens: int = 0

    def add(self, lengths: Sequence[int], seconds: float) -> None:
        """Add a forward pass, with the lengths of the rows that were new to it."""
        self.busy_seconds += seconds
        if lengths:
            self.batches += 1
            self.rows += len(lengths)
            self.tokens += sum(lengths)
            self.padded_tokens += max(lengths) * len(lengths)


@dataclass(eq=False)
class RunningBatch:
    """Rows of an iterative operation that are decoded together on a device.

    Attributes:
        operation: of the first replica.
        by_row: by the row's id.
    """

    operation: AnyOperation
    session: RecoveringSession
    by_row: dict[int, QueuedRow] = field(default_factory=dict)


@dataclass(eq=False)
class DeviceRunner:
    """A device with its thread. Its running batches stay on it, because their KV caches are there.

    Attributes:
        wake: set when a row may be waiting.
        computing: the rows of the forward pass that runs now.
        batches: the running batches, by `PendingCall.batch_key`.
        batches_begun: counts forward passes.
        alternation: of people's rows and background ones.
        is_serving: whether its thread runs batches.
        is_replaced: whether its thread hangs and another runner has its device. Its outputs are dropped.
    """

    device_index: int
    thread: DaemonThreads
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    computing: list[QueuedRow] = field(default_factory=list)
    batches: dict[Hashable, RunningBatch] = field(default_factory=dict)
    totals: DeviceTotals = field(default_factory=DeviceTotals)
    server: asyncio.Task[None] | None = None
    batches_begun: int = 0
    alternation: Alternation = field(default_factory=Alternation)
    is_serving: bool = False
    is_replaced: bool = False

    @property
    def heartbeat(self) -> tuple[int, int]:
        """A value that changes whenever the device makes progress."""
        return self.batches_begun, sum(one.row.heartbeat for one in self.computing)

    @property
    def is_between_batches(self) -> bool:
        """Whether its thread has computed a batch, and not yet taken the next one."""
        return self.is_serving and not self.computing

    def rows_of(self, key: Hashable) -> list[QueuedRow]:
        """Return the rows of a running batch, if there is one."""
        return list(self.batches[key].by_row.values()) if key in self.batches else []

    @property
    def rows(self) -> list[QueuedRow]:
        """All its rows; those of the decode step that runs now appear twice."""
        return [*self.computing, *(row for batch in self.batches.values() for row in batch.by_row.values())]


def threads_each(names: Sequence[str]) -> int | None:
    """Return the number of threads for each of several CPU devices, which share the cores; None for a single one."""
    if (times := list(names).count("cpu")) < 2:
        return None
    import torch

    return max(1, torch.get_num_threads() // times)


def device_thread(name: str, threads: int | None) -> DaemonThreads:
    """Create the thread on which a device computes.

    Args:
        name: as PyTorch writes it.
        threads: PyTorch's number of threads on a CPU; None leaves it alone.
    """

    def begin() -> None:
        if threads is not None and name == "cpu":
            import torch

            torch.set_num_threads(threads)  # of this thread
        elif name.startswith("cuda"):
            import torch

            torch.cuda.set_device(name)

    return DaemonThreads(1, f"glassbox-{name}", begin)
