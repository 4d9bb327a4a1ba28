"""The status of checkpoints, devices and the worker, as plain values that a remote backend can report too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """The stages of a checkpoint's life."""

    WAITING = "waiting"
    FETCHING = "fetching"
    LOADING = "loading"
    READY = "ready"
    EVICTED = "evicted"
    FAILED = "failed"


@dataclass(frozen=True)
class DeviceStatus:
    """One device and its work since the start.

    Attributes:
        name: as PyTorch writes it.
        precision: the data type that checkpoints are loaded in.
        batches: without decode steps that no row joins.
        rows: in those batches.
        tokens: of those rows, including the tokens that are still to be generated.
        padded_tokens: the same, padding included.
        weight_bytes: of all checkpoints loaded on devices of this name.
        memory_limit: the most of these; None if there is no limit.
    """

    name: str
    precision: str
    batches: int
    rows: int
    tokens: int
    padded_tokens: int
    busy_seconds: float
    weight_bytes: int
    memory_limit: int | None

    @property
    def waste(self) -> float:
        """The share of padding among all tokens computed, 0 to 1."""
        return _waste(self.tokens, self.padded_tokens)


@dataclass(frozen=True)
class CheckpointStatus:
    """One checkpoint and its use.

    Attributes:
        tasks: the tasks that use it if nobody chooses another one.
        bytes: of its weights on all devices together; 0 unless it is loaded.
        precision: the data type of its weights on each device; empty unless it is loaded.
        precision_reason: why it is this one, if that needs saying.
        requests: how many use it or wait for it now.
        idle_seconds: since its last use, 0 while in use; None if it was never used.
        joins: whether new rows join its running batch, which they cannot if its cache forgets (sliding windows,
            recurrent states) or its configuration asks for beams; None before it has generated anything.
        nonfinite: how many requests failed since the start because its numbers were NaN or infinite.
        offered: the tasks for which people may choose it by its name.
    """

    name: str
    tasks: tuple[str, ...]
    phase: Phase
    bytes: int
    precision: tuple[str, ...]
    precision_reason: str
    requests: int
    idle_seconds: float | None
    joins: bool | None
    nonfinite: int = 0
    offered: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerStatus:
    """The worker's load. `dataclasses.asdict` gives what JSON can hold.

    Attributes:
        requests: accepted and not yet answered.
        rows_waiting: sequences queued for a device.
        devices: in the order of the setting.
        checkpoints: in the order of the tasks.
        evictions: how often a checkpoint has been evicted since the start.
        accepting: whether it accepts requests; False while it drains, or cannot be reached.
        preloaded: whether it has loaded what it could ahead of time; others failed, or have no room.
    """

    requests: int
    rows_waiting: int
    devices: tuple[DeviceStatus, ...]
    checkpoints: tuple[CheckpointStatus, ...]
    evictions: int
    accepting: bool = True
    preloaded: bool = False

    @property
    def device(self) -> str:
        """The names of the devices."""
        return in_words(one.name for one in self.devices)

    @property
    def precision(self) -> str:
        """The data types that checkpoints are loaded in."""
        return in_words(one.precision for one in self.devices)

    @property
    def batches(self) -> int:
        """Batches run on all devices."""
        return sum(one.batches for one in self.devices)

    @property
    def rows(self) -> int:
        """Rows run on all devices."""
        return sum(one.rows for one in self.devices)

    @property
    def tokens(self) -> int:
        """Tokens of these rows."""
        return sum(one.tokens for one in self.devices)

    @property
    def padded_tokens(self) -> int:
        """The same, padding included."""
        return sum(one.padded_tokens for one in self.devices)

    @property
    def waste(self) -> float:
        """The share of padding among all tokens computed, 0 to 1."""
        return _waste(self.tokens, self.padded_tokens)

    @property
    def models(self) -> Mapping[str, CheckpointStatus]:
        """The checkpoints by task."""
        return {task: one for one in self.checkpoints for task in one.tasks}


def in_words(names: Iterable[str]) -> str:
    """Join names, each once: `cuda:0`, `cuda:0 and cuda:1`."""
    return " and ".join(dict.fromkeys(names))


def _waste(tokens: int, padded: int) -> float:
    return 1 - tokens / padded if padded else 0.0
