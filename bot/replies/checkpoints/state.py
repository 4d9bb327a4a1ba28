"""A checkpoint in words: its name, its family, its commands and its state."""

from __future__ import annotations

import math

from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.status import CheckpointStatus, Phase, in_words
from bot.replies.formatting.quantities import in_bytes
from bot.replies.formatting.text import Style, escape, fit

FAMILY_NAMES = {Family.ENCODER: "encoder", Family.DECODER: "decoder", Family.ENCODER_DECODER: "encoder-decoder"}

FAMILY_PURPOSES = {
    Family.ENCODER: (
        "Reads a whole text at once, every token in view of all others: for classifying texts, finding named entities, "
        "marking the answer to a question in a text, comparing texts, and filling masks."
    ),
    Family.DECODER: (
        "Reads from left to right and predicts the next token: for generating text, completing text and code, and "
        "chat. With a prompt it can do the tasks of the other families too."
    ),
    Family.ENCODER_DECODER: (
        "Its encoder reads a text and its decoder writes another one: for translating and summarising."
    ),
}


def name_of(status: CheckpointStatus, limit: int, style: Style = escape) -> str:
    """Return a checkpoint's name, or "unnamed" if nothing in it is visible."""
    return fit(status.name.strip(), limit, style)[0].strip() or "unnamed"


def family_name(family: Family | None) -> str:
    """Return a family in words."""
    return "family not known yet" if family is None else FAMILY_NAMES[family]


def commands(status: CheckpointStatus) -> str:
    """Return the commands that a checkpoint answers."""
    return ", ".join(f"/{task}" for task in status.tasks)


def listed_commands(status: CheckpointStatus) -> str:
    """Return the commands as code."""
    return ", ".join(f"`/{task}`" for task in status.tasks)


def listed_offers(status: CheckpointStatus) -> str:
    """Return the commands for which a checkpoint may be chosen, as code."""
    return ", ".join(f"`/{task}`" for task in status.offered) or "the commands that its architecture can answer"


def state(description: CheckpointDescription) -> str:
    """Return a checkpoint's phase in a few words, with a warning if its numbers were not finite."""
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
            # Fetches report from another thread, which sets the phase before the activity.
            fraction = description.fraction
            percent = "" if fraction is None else f", {math.floor(fraction * 100)} %"
            return (description.activity or "fetching") + percent
        case Phase.LOADING:
            left = description.seconds_left
            return "loading" if left is None else f"loading, about {math.ceil(left)} s left"
        case Phase.EVICTED:
            return "is not on the device, and comes back when it is used"
        case Phase.FAILED:
            return "could not be loaded, and is tried again when it is used"
        case _:
            return "waits to be loaded" if status.requests else "not loaded yet"
