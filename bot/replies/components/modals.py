"""Modals with one field, for texts of several lines, which an option of a command cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.replies.components.buttons import LONGEST_TITLE, Action
from bot.replies.formatting.text import fit, visible
from bot.text.characters import whole_characters

PREFIX = "glassbox-"
FIELD = "texts"
"""The custom id of the field."""
LONGEST_HINT = 100
"""Characters of a placeholder and of a field's description, by Discord's rules."""


@dataclass(frozen=True)
class Submission:
    """A submitted modal: the name of its action, the options of `text_modal`, the text in the field, and the custom ids
    of the checkboxes that were ticked."""

    action: str
    options: str
    text: str
    ticked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Submission | None:
        """Return the submission in an interaction; None if it isn't one of our modals'."""
        data: Mapping[str, Any] = interaction.data or {}
        is_modal = interaction.type is discord.InteractionType.modal_submit
        if not is_modal or not data["custom_id"].startswith(PREFIX):
            return None
        action, _, options = data["custom_id"].removeprefix(PREFIX).partition(":")
        # A label wraps each field. A forged modal may have neither, or a field without a value.
        fields = [label.get("component") or {} for label in data.get("components") or ()]
        values = {field.get("custom_id"): field.get("value") for field in fields}
        ticked = frozenset(str(one) for one, value in values.items() if value is True)
        text = whole_characters(str(values.get(FIELD) or ""))
        return cls(action, options, text, ticked)


def text_modal(
    action: Action, options: str, *, label: str, placeholder: str, most: int, about: str | None = None
) -> discord.ui.Modal:
    """Make a modal with one field.

    Args:
        action: its label is the title.
        options: for the handler, beside the text. They are in the custom id, so a restart of the bot loses none.
        label: of the field.
        most: characters of the text.
        about: explains the field.
    """
    modal = discord.ui.Modal(title=action.title, custom_id=f"{PREFIX}{action.name}:{options}")
    field: discord.ui.TextInput[discord.ui.View] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        placeholder=_short(placeholder, LONGEST_HINT),
        max_length=most,
        custom_id=FIELD,
    )
    explained = None if about is None else _short(about, LONGEST_HINT)
    modal.add_item(discord.ui.Label(text=_short(label, LONGEST_TITLE), description=explained, component=field))
    modal.stop()  # otherwise discord.py keeps it until it is submitted
    return modal


def _short(text: str, limit: int) -> str:
    return fit(text, limit, visible)[0]
