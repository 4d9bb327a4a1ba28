"""Whether a process can answer people, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.inference.status import CheckpointStatus, Phase, WorkerStatus
from bot.locales.message import Message, later
from bot.operating.gateway import Gateway

PHASES: Mapping[Phase, Message] = {
    # Translators: the state of a checkpoint that is not loaded: it waits for others.
    Phase.WAITING: later("waiting"),
    # Translators: the state of a checkpoint that is not loaded: it is being downloaded.
    Phase.FETCHING: later("fetching"),
    # Translators: the state of a checkpoint that is not loaded yet.
    Phase.LOADING: later("loading"),
    # Translators: the state of a checkpoint.
    Phase.READY: later("ready"),
    # Translators: the state of a checkpoint that was taken off the device.
    Phase.EVICTED: later("evicted"),
    # Translators: the state of a checkpoint that could not be loaded.
    Phase.FAILED: later("failed"),
}


def missing(gateway: Gateway, status: WorkerStatus | None) -> list[Message]:
    """Return what a bot lacks to answer people, each in a few words; nothing if it is ready."""
    return [*_of_gateway(gateway), *_of_backend(status)]


def _of_gateway(gateway: Gateway) -> Iterator[Message]:
    shards = gateway.missing
    if shards is None:
        # Translators: what I lack to answer people.
        yield later("not logged in at Discord")
    else:
        # Translators: what I lack to answer people. A shard is one of my connections to Discord.
        yield from (later("shard {shard} is not connected", shard=shard) for shard in shards)


def _of_backend(status: WorkerStatus | None) -> Iterator[Message]:
    if status is None:
        # Translators: what I lack to answer people. The backend is what computes answers.
        yield later("there is no backend yet")
        return
    if not status.accepting:
        # Translators: what I lack to answer people. The backend is what computes answers.
        yield later("the backend accepts no requests")
    for checkpoint in status.checkpoints:
        if is_missing(checkpoint, status.preloaded):
            phase = PHASES[checkpoint.phase]
            # Translators: what I lack to answer people. {phase} is such as "loading" or "failed".
            yield later("{checkpoint} is not loaded ({phase})", checkpoint=checkpoint.name, phase=phase)


def is_missing(checkpoint: CheckpointStatus, preloaded: bool) -> bool:
    """Return whether a checkpoint should have been loaded and was not.

    One that was evicted is loaded when it is asked for, and so is one for which there was no room beside the others.
    """
    # Loading counts as its first use.
    return checkpoint.idle_seconds is None and (checkpoint.phase is Phase.FAILED or not preloaded)
