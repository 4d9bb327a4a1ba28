"""Everything that the overview of `/status` shows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.inference.status import WorkerStatus
from bot.locales.message import Message
from bot.operating.invalid_requests import Refusals
from bot.operating.last_hour import Failures, Latencies
from bot.operating.throughput import Throughput
from bot.storage.maintenance import Notice
from bot.storage.shard_states import ShardState


@dataclass(frozen=True)
class Measured:
    """What a process has measured since it watches.

    Attributes:
        began_at: seconds since 1970.
        missing: what it lacks to answer people, each in a few words.
        memory: resident bytes of the process; None if unknown.
        lag: seconds by which the event loop is late.
    """

    began_at: float
    missing: Sequence[Message]
    memory: int | None
    lag: float
    latencies: Latencies
    failures: Sequence[Failures]
    throughput: Throughput
    refusals: Refusals


@dataclass(frozen=True)
class Snapshot:
    """The state of the bot.

    Attributes:
        process: what this process calls itself.
        is_remote: whether the models are on another machine.
        measured: None if this process measures nothing.
        shards: of all processes, as far as known.
        shard_count: of all processes; None before the login.
        versions: by name.
    """

    process: str
    is_remote: bool
    status: WorkerStatus
    measured: Measured | None
    notice: Notice | None
    shards: Sequence[ShardState]
    shard_count: int | None
    versions: Mapping[str, str]
