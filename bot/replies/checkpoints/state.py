"""A checkpoint in words: its name, its family, its commands and its state."""

from __future__ import annotations

import math

from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import CheckpointDescription, Loaded
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.lists import enumerated, joined
from bot.locales.message import Message, _, in_context, later, plural
from bot.locales.numbers import in_bytes, percent, whole
from bot.replies.checkpoints.workers_words import activity_in_words
from bot.replies.formatting.text import Style, escape, fit

FAMILY_NAMES = {
    # Translators: families of models, within a line of facts such as "encoder · 67.0 million parameters".
    Family.ENCODER: later("encoder"),
    Family.DECODER: later("decoder"),
    Family.ENCODER_DECODER: later("encoder-decoder"),
}
FAMILY_HEADINGS = {
    # Translators: families of models, as headings.
    Family.ENCODER: later("Encoder"),
    Family.DECODER: later("Decoder"),
    Family.ENCODER_DECODER: later("Encoder-decoder"),
}

FAMILY_PURPOSES: dict[Family, Message] = {
    Family.ENCODER: later(
        "Reads a whole text at once, every token in view of all others: for classifying texts, finding named entities, "
        "marking the answer to a question in a text, comparing texts, and filling masks."
    ),
    Family.DECODER: later(
        "Reads from left to right and predicts the next token: for generating text, completing text and code, and "
        "chat. With a prompt it can do the tasks of the other families too."
    ),
    Family.ENCODER_DECODER: later(
        "Its encoder reads a text and its decoder writes another one: for translating and summarising."
    ),
}


def name_of(status: CheckpointStatus, limit: int, style: Style = escape) -> str:
    """Return a checkpoint's name, or "unnamed" if nothing in it is visible."""
    return fit(status.name.strip(), limit, style)[0].strip() or in_context("name", "unnamed")


def family_name(family: Family | None) -> str:
    """Return a family in words."""
    return _("family not known yet") if family is None else str(FAMILY_NAMES[family])


def commands(status: CheckpointStatus) -> str:
    """Return the commands that a checkpoint answers."""
    return enumerated(f"/{task}" for task in status.tasks)


def listed_commands(status: CheckpointStatus) -> str:
    """Return the commands as code."""
    return enumerated(f"`/{task}`" for task in status.tasks)


def listed_offers(status: CheckpointStatus) -> str:
    """Return the commands for which a checkpoint may be chosen, as code; nothing if none is known."""
    return enumerated(f"`/{task}`" for task in status.offered)


def state(description: CheckpointDescription) -> str:
    """Return a checkpoint's phase in a few words, with a warning if its numbers were not finite."""
    failed = description.status.nonfinite
    if not failed:
        return _phase(description)
    # Translators: what is the matter with a checkpoint, and that its answers had numbers such as infinity.
    return plural(
        "{state}, \N{WARNING SIGN} suspect: an answer was no finite number",
        "{state}, \N{WARNING SIGN} suspect: {number} answers were no finite number",
        failed,
        state=_phase(description),
        number=whole(failed),
    )


def _phase(description: CheckpointDescription) -> str:
    status = description.status
    # Translators: each of these phrases says in what state a checkpoint is, within or at the end of a line of facts.
    match status.phase:
        case Phase.READY if description.loaded is not None:
            return _ready(status, description.loaded)
        case Phase.FETCHING:
            return _fetching(description)
        case Phase.LOADING:
            left = description.seconds_left
            # Translators: "s" are seconds.
            return _("loading") if left is None else _("loading, about {seconds} s left", seconds=math.ceil(left))
        case Phase.EVICTED:
            return _("is not on the device, and comes back when it is used")
        case Phase.FAILED:
            return _("could not be loaded, and is tried again when it is used")
        case _:
            return _("waits to be loaded") if status.requests else _("not loaded yet")


def _ready(status: CheckpointStatus, loaded: Loaded) -> str:
    devices = joined(dict.fromkeys(one.device for one in loaded.replicas))
    precision = joined(dict.fromkeys(one.precision for one in loaded.replicas))
    size, number = in_bytes(status.bytes), len(loaded.replicas)
    if number == 1:
        # Translators: such as "ready on cuda:0 in float32, 1.36 GB".
        return _("ready on {devices} in {precision}, {size}", devices=devices, precision=precision, size=size)
    # Translators: such as "ready on cuda:0 and cuda:1, 2 replicas in float32, 2.72 GB in all".
    return plural(
        "ready on {devices}, {count} replica in {precision}, {size} in all",
        "ready on {devices}, {count} replicas in {precision}, {size} in all",
        number,
        devices=devices,
        precision=precision,
        size=size,
    )


def _fetching(description: CheckpointDescription) -> str:
    # Fetches report from another thread, which sets the phase before the activity.
    activity = activity_in_words(description.activity) or _("fetching")
    if description.fraction is None:
        return activity
    share = percent(math.floor(description.fraction * 100) / 100, 0)
    # Translators: {activity} is such as "fetching"; {share} is how much has been done, such as "83 %".
    return _("{activity}, {share}", activity=activity, share=share)
