"""Whether a process can answer people, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

from bot.inference.status import CheckpointStatus, Phase, WorkerStatus
from bot.operating.gateway import Gateway


def missing(gateway: Gateway, status: WorkerStatus | None) -> list[str]:
    """Return what a bot lacks to answer people, each in a few words; nothing if it is ready."""
    return [*_of_gateway(gateway), *_of_backend(status)]


def _of_gateway(gateway: Gateway) -> Iterator[str]:
    shards = gateway.missing
    if shards is None:
        yield "not logged in at Discord"
    else:
        yield from (f"shard {shard} is not connected" for shard in shards)


def _of_backend(status: WorkerStatus | None) -> Iterator[str]:
    if status is None:
        yield "there is no backend yet"
        return
    if not status.accepting:
        yield "the backend accepts no requests"
    for checkpoint in status.checkpoints:
        if is_missing(checkpoint, status.preloaded):
            yield f"{checkpoint.name} is not loaded ({checkpoint.phase.value})"


def is_missing(checkpoint: CheckpointStatus, preloaded: bool) -> bool:
    """Return whether a checkpoint should have been loaded and was not.

    One that was evicted is loaded when it is asked for, and so is one for which there was no room beside the others.
    """
    # Loading counts as its first use.
    return checkpoint.idle_seconds is None and (checkpoint.phase is Phase.FAILED or not preloaded)
