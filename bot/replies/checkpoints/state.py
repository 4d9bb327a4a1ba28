"""A checkpoint in words: its name, its commands, and how far it is."""

from __future__ import annotations

import math

from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.status import CheckpointStatus, Phase, in_words
from bot.replies.formatting.quantities import in_bytes
from bot.replies.formatting.text import Style, escape, fit


def name_of(status: CheckpointStatus, limit: int, style: Style = escape) -> str:
    """A checkpoint's name; those that consist of nothing visible are told as such."""
    return fit(status.name.strip(), limit, style)[0].strip() or "unnamed"


def commands(status: CheckpointStatus) -> str:
    """The commands that a checkpoint answers."""
    return ", ".join(f"/{task}" for task in status.tasks)


def listed_commands(status: CheckpointStatus) -> str:
    """The same as code."""
    return ", ".join(f"`/{task}`" for task in status.tasks)


def state(description: CheckpointDescription) -> str:
    """How far a checkpoint is, in a few words, and whether its numbers are to be trusted."""
    failed = description.status.nonfinite
    if not failed:
        return _phase(description)
    answers = "an answer was" if failed == 1 else f"{failed:,} answers were"
    return f"{_phase(description)}, \N{WARNING SIGN} suspect: {answers} no finite number"


def _phase(description: CheckpointDescription) -> str:
    status, loaded = description.status, description.loaded
    match status.phase:
        case Phase.READY if loaded is not None:
            where = in_words(one.device for one in loaded.replicas)
            precision = in_words(one.precision for one in loaded.replicas)
            if len(loaded.replicas) == 1:
                return f"ready on {where} in {precision}, {in_bytes(status.bytes)}"
            replicas = f"{len(loaded.replicas)} replicas in {precision}"
            return f"ready on {where}, {replicas}, {in_bytes(status.bytes)} in all"
        case Phase.FETCHING:
            # Fetches report from a thread of their own: the phase may be known before the word.
            return (description.activity or "fetching") + _percent(description.fraction)
        case Phase.LOADING:
            left = description.seconds_left
            return "loading" if left is None else f"loading, about {math.ceil(left)} s left"
        case Phase.EVICTED:
            return "left the device to make room, and comes back when it is used"
        case Phase.FAILED:
            return "could not be loaded, and is tried again when it is used"
        case _:
            return "waits to be loaded" if status.requests else "not loaded yet"


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f", {math.floor(fraction * 100)} %"
