"""What cogs see of inference: an interface that the local worker implements, and later a remote one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.inference.answering import Answering
from bot.inference.checkpoints.models import ModelState, Phase
from bot.inference.requests import Answer, Request

if TYPE_CHECKING:
    from bot.inference.checkpoints.description import CheckpointDescription

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class DeviceStatus:
    """One device, and what it has done since the start.

    Attributes:
        name: as PyTorch writes it.
        precision: the data type that checkpoints are loaded in.
        batches: batches run. Decode steps that no row joins are not counted.
        rows: sequences in them.
        tokens: tokens of these, those still to be generated included.
        padded_tokens: the same with padding.
        busy_seconds: how long it has computed.
        weights: bytes of all checkpoints that are loaded on devices of this name.
        room: the most bytes of weights on devices of this name; None where there is no limit.
    """

    name: str
    precision: str
    batches: int
    rows: int
    tokens: int
    padded_tokens: int
    busy_seconds: float
    weights: int
    room: int | None

    @property
    def waste(self) -> float:
        """The share of padding among all tokens that were computed, 0 to 1."""
        return _waste(self.tokens, self.padded_tokens)


@dataclass(frozen=True)
class CheckpointStatus:
    """One checkpoint.

    Attributes:
        name: the name people know it by.
        tasks: which use it.
        phase: how far it is.
        bytes: of its weights on all devices together; 0 while it is not loaded.
        precision: the data type of its weights, on each device; empty while it is not loaded.
        precision_reason: why it is this one, where there is something to say.
        requests: how many use it or wait for it now.
        idle_seconds: since it was used last, 0 while it is; None where it never was.
        joins: whether the texts that it generates join others that are under way. Where its cache forgets (sliding
            windows, recurrent states) or its configuration asks for more than the likeliest token (beams) a batch stays
            together to its end instead. None where it has not generated yet.
        suspect: how many requests have failed since the start because its numbers were NaN or infinite.
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
    suspect: int = 0


@dataclass(frozen=True)
class WorkerStatus:
    """How busy the worker is. Made of plain values only: `dataclasses.asdict` gives what JSON can hold.

    Attributes:
        requests: accepted and not answered yet.
        rows_waiting: sequences that wait for a device.
        devices: in the order of the setting.
        checkpoints: in the order of the tasks.
        evictions: how often a checkpoint has left the devices since the start.
    """

    requests: int
    rows_waiting: int
    devices: tuple[DeviceStatus, ...]
    checkpoints: tuple[CheckpointStatus, ...]
    evictions: int

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
        """The same with padding."""
        return sum(one.padded_tokens for one in self.devices)

    @property
    def waste(self) -> float:
        """The share of padding among all tokens that were computed, 0 to 1."""
        return _waste(self.tokens, self.padded_tokens)

    @property
    def models(self) -> Mapping[str, CheckpointStatus]:
        """The checkpoints by task."""
        return {task: one for one in self.checkpoints for task in one.tasks}


def in_words(names: Iterable[str]) -> str:
    """Names, each once: `cuda:0`, `cuda:0 and cuda:1`."""
    return " and ".join(dict.fromkeys(names))


def _waste(tokens: int, padded: int) -> float:
    return 1 - tokens / padded if padded else 0.0


class Backend(Protocol):
    """Answers requests, in this process or elsewhere."""

    def submit(self, request: Request[ResultT], *, person: int) -> Answering[ResultT]:
        """Accept a request, and return the handle of its answer.

        Args:
            person: asks; for fairness and limits.

        Raises:
            ModelUnavailable: no checkpoint is set for it.
            Refused: it is not accepted.
        """
        ...

    async def run(self, request: Request[ResultT], *, person: int) -> Answer[ResultT]:
        """Submit a request and wait for its answer.

        Raises:
            Refused: it is not accepted.
            Unanswered: it was accepted, and could not be answered.
            ModelUnavailable: its checkpoint cannot be loaded.
        """
        return await self.submit(request, person=person)

    def task_state(self, name: str) -> ModelState:
        """Return how far a task's checkpoint is; raise `ModelUnavailable` if none is set."""
        ...

    def status(self) -> WorkerStatus:
        """Return how busy the worker is."""
        ...

    async def describe(self, task: str) -> CheckpointDescription:
        """Describe a task's checkpoint, loaded or not. Loads no weights, and uses no network.

        Raises:
            ModelUnavailable: none is set for the task.
        """
        ...
