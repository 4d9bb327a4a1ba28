"""One status of several servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from bot.inference.status import CheckpointStatus, Phase, WorkerStatus

NOTHING_HEARD = WorkerStatus(0, 0, (), (), 0, accepting=False)

_BEST_FIRST = (Phase.READY, Phase.LOADING, Phase.FETCHING, Phase.WAITING, Phase.EVICTED, Phase.FAILED)


def merged(statuses: Sequence[WorkerStatus], *, accepting: bool) -> WorkerStatus:
    """Add up the statuses of servers that share no device.

    Args:
        statuses: in the order of the addresses.
        accepting: whether any of the servers accepts requests now.
    """
    if len(statuses) == 1:
        return replace(statuses[0], accepting=accepting)
    return WorkerStatus(
        requests=sum(one.requests for one in statuses),
        rows_waiting=sum(one.rows_waiting for one in statuses),
        devices=tuple(device for one in statuses for device in one.devices),
        checkpoints=_checkpoints(statuses),
        evictions=sum(one.evictions for one in statuses),
        accepting=accepting,
    )


def _checkpoints(statuses: Sequence[WorkerStatus]) -> tuple[CheckpointStatus, ...]:
    """Merge the checkpoints of a name into one."""
    by_name: dict[str, list[CheckpointStatus]] = {}
    for status in statuses:
        for one in status.checkpoints:
            by_name.setdefault(one.name, []).append(one)
    return tuple(reduce(_added, same) for same in by_name.values())


def _added(one: CheckpointStatus, other: CheckpointStatus) -> CheckpointStatus:
    best = min((one, other), key=lambda status: _BEST_FIRST.index(status.phase))
    idle = [status.idle_seconds for status in (one, other) if status.idle_seconds is not None]
    return replace(
        best,
        tasks=tuple(dict.fromkeys((*one.tasks, *other.tasks))),
        bytes=one.bytes + other.bytes,
        precision=(*one.precision, *other.precision),
        requests=one.requests + other.requests,
        idle_seconds=min(idle, default=None),
        joins=one.joins if other.joins is None else other.joins,
        nonfinite=one.nonfinite + other.nonfinite,
        offered=tuple(dict.fromkeys((*one.offered, *other.offered))),
    )
