"""The status of a cluster, from the reports of its replicas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from bot.inference.serving.groups import Group
from bot.inference.status import CheckpointStatus, Phase, WorkerStatus

_BEST_FIRST = (Phase.READY, Phase.LOADING, Phase.FETCHING, Phase.WAITING, Phase.EVICTED, Phase.FAILED)


def merged(groups: Sequence[tuple[Group, Sequence[WorkerStatus]]], *, waiting: int, accepting: bool) -> WorkerStatus:
    """Merge what the replicas of each group have reported.

    Args:
        waiting: requests that no replica has begun.
    """
    reports = [status for _, statuses in groups for status in statuses]
    return WorkerStatus(
        requests=waiting + sum(one.requests for one in reports),
        rows_waiting=sum(one.rows_waiting for one in reports),
        devices=tuple(chain.from_iterable(one.devices for one in reports)),
        checkpoints=tuple(
            chain.from_iterable(_checkpoints(group, statuses) for group, statuses in groups),
        ),
        evictions=sum(one.evictions for one in reports),
        accepting=accepting,
    )


def _checkpoints(group: Group, statuses: Sequence[WorkerStatus]) -> Iterable[CheckpointStatus]:
    """Yield the checkpoints of a group; a group without replicas waits for somebody to ask."""
    if not statuses:
        for spec in group.specs:
            tasks, offered = group.tasks_of(spec), group.offered.get(spec.name, ())
            yield CheckpointStatus(spec.name, tasks, Phase.WAITING, 0, (), "", 0, None, None, offered=offered)
        return
    for replicas in zip(*(one.checkpoints for one in statuses), strict=True):  # of one preset, so in one order
        yield _together(replicas, group.offered.get(replicas[0].name, ()))


def _together(replicas: Sequence[CheckpointStatus], offered: tuple[str, ...]) -> CheckpointStatus:
    """Merge what replicas say of a checkpoint.

    Args:
        offered: the tasks that it may be chosen for if none of them knows yet.
    """
    first = min(replicas, key=lambda one: _BEST_FIRST.index(one.phase))
    idle = [one.idle_seconds for one in replicas if one.idle_seconds is not None]
    return CheckpointStatus(
        name=first.name,
        tasks=first.tasks,
        phase=first.phase,
        bytes=sum(one.bytes for one in replicas),
        precision=tuple(chain.from_iterable(one.precision for one in replicas)),
        precision_reason=first.precision_reason,
        requests=sum(one.requests for one in replicas),
        idle_seconds=min(idle, default=None),
        joins=first.joins,
        nonfinite=sum(one.nonfinite for one in replicas),
        offered=next((one.offered for one in replicas if one.offered), offered),
    )
