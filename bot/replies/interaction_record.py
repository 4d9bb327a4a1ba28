"""What has become of an interaction so far, for the log and the metrics. Nothing in it is a person's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import discord

from bot.endings import ANSWERED, Ending
from bot.inference.requests import Answer
from bot.replies.interaction_age import age

KINDS: Mapping[discord.InteractionType, str] = {
    discord.InteractionType.application_command: "command",
    discord.InteractionType.autocomplete: "autocomplete",
    discord.InteractionType.component: "component",
    discord.InteractionType.modal_submit: "modal",
}
UNKNOWN = "unknown"
"""A command or an action that this version does not have: its name is not ours, and could be anything."""

_RECORD = "glassbox-record"


@dataclass
class InteractionRecord:
    """An interaction's course. All times are its ages, in seconds.

    Attributes:
        kind: see `KINDS`.
        command: the command's or the action's name.
        error: the class of the error that ended it; empty if none did.
        acknowledged: when Discord had the first response; None until then.
        first_text: when the first piece of a generated text was visible; None until then.
        ended: when it was over.
        checkpoint: the display name of the one that answered; empty if none has.
        waited: how long its rows waited for a device.
    """

    kind: str = UNKNOWN
    command: str = UNKNOWN
    error: str = ""
    ending: Ending = ANSWERED
    acknowledged: float | None = None
    first_text: float | None = None
    ended: float = 0.0
    checkpoint: str = ""
    waited: float = 0.0

    def end(self, ending: Ending, error: BaseException) -> None:
        """Record the error that ends it."""
        self.ending, self.error = ending, type(error).__name__

    def note_first_text(self, age: float) -> None:
        """Record that a piece of the answer is visible."""
        if self.first_text is None:
            self.first_text = age

    def answered_by(self, answer: Answer[object]) -> None:
        """Add an answer. Some interactions need several."""
        self.checkpoint = answer.checkpoint
        self.waited += answer.waited


def record_of(interaction: discord.Interaction) -> InteractionRecord:
    """Return the record of an interaction."""
    record: InteractionRecord = interaction.extras.setdefault(_RECORD, InteractionRecord())
    return record


def begin_record(interaction: discord.Interaction) -> InteractionRecord:
    """Return the record of an interaction that has arrived, with its kind and, if it is a command, its name."""
    record = record_of(interaction)
    record.kind = KINDS.get(interaction.type, UNKNOWN)
    if (command := interaction.command) is not None:
        record.command = command.qualified_name
    return record


def note_acknowledgement(interaction: discord.Interaction) -> None:
    """Record that Discord has the first response."""
    record = record_of(interaction)
    if record.acknowledged is None:
        record.acknowledged = age(interaction)
