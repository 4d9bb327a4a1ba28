"""Forms (Discord's modals), for texts of several lines, which an option cannot hold.

Like a button, a form's custom id says all, so the client keeps no trace of it, and it can be sent after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

PREFIX = "glassbox-"
FIELD = "texts"
"""The custom id of the field."""


def text_form(
    name: str, details: str, *, title: str, label: str, placeholder: str, most: int, about: str | None = None
) -> discord.ui.Modal:
    """A form with one field.

    Args:
        name: the command whose form it is.
        details: what else there is to know when it comes back.
        label: of the field, and `about` an explanation of it.
        most: characters that may be written.
    """
    form = discord.ui.Modal(title=title, custom_id=f"{PREFIX}{name}:{details}")
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph, placeholder=placeholder, max_length=most, custom_id=FIELD
    )
    form.add_item(discord.ui.Label(text=label, description=about, component=field))
    form.stop()  # discord.py keeps those that it waits for
    return form


def sent_form(interaction: discord.Interaction[Any]) -> tuple[str, str, str] | None:
    """The name and the details of a form that somebody has sent, and what they have written; None for anything else."""
    data: Mapping[str, Any] = interaction.data or {}
    if interaction.type is not discord.InteractionType.modal_submit or not data["custom_id"].startswith(PREFIX):
        return None
    name, _, details = data["custom_id"].removeprefix(PREFIX).partition(":")
    return name, details, next(_written(data), "")


def _written(data: Mapping[str, Any]) -> Iterator[str]:
    for label in data["components"]:
        field = label.get("component", {})
        if field.get("custom_id") == FIELD:
            yield str(field["value"])
