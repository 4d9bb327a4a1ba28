"""Modals with one field, for texts of several lines, which an option cannot hold.

A custom id holds everything else that the handler needs, so a modal can be submitted after a restart of the bot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.replies.components.buttons import Action

PREFIX = "glassbox-"
FIELD = "texts"
"""The custom id of the field."""


@dataclass(frozen=True)
class Submission:
    """A modal that somebody has submitted.

    Attributes:
        action: the name of its action.
        options: as `text_modal` got them.
        text: what was written.
    """

    action: str
    options: str
    text: str

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Submission | None:
        """Read an interaction; return None if it is not the submission of one of our modals."""
        data: Mapping[str, Any] = interaction.data or {}
        is_modal = interaction.type is discord.InteractionType.modal_submit
        if not is_modal or not data["custom_id"].startswith(PREFIX):
            return None
        action, _, options = data["custom_id"].removeprefix(PREFIX).partition(":")
        return cls(action, options, next(_written(data), ""))


def text_modal(
    action: Action, options: str, *, label: str, placeholder: str, most: int, about: str | None = None
) -> discord.ui.Modal:
    """Make a modal with one field.

    Args:
        action: handles the submission; its label is the title.
        options: for the handler, beside the text.
        label: of the field.
        most: the most characters that may be written.
        about: explains the field.
    """
    modal = discord.ui.Modal(title=action.label, custom_id=f"{PREFIX}{action.name}:{options}")
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph, placeholder=placeholder, max_length=most, custom_id=FIELD
    )
    modal.add_item(discord.ui.Label(text=label, description=about, component=field))
    modal.stop()  # otherwise discord.py would hold on to it
    return modal


def _written(data: Mapping[str, Any]) -> Iterator[str]:
    for label in data["components"]:
        field = label.get("component", {})
        if field.get("custom_id") == FIELD:
            yield str(field["value"])
