"""Labels of a modal's fields, in any language, as long as Discord takes them."""

from __future__ import annotations

from typing import Any

import discord

from bot.locales.message import Message
from bot.replies.components.buttons import LONGEST_TITLE
from bot.replies.components.modals import LONGEST_HINT
from bot.replies.formatting.text import fit, visible


def labelled(
    field: discord.ui.Item[Any], text: str | Message, about: str | Message | None = None
) -> discord.ui.Label[Any]:
    """Return a field with its label.

    Args:
        about: explains the field.
    """
    return discord.ui.Label(
        text=fit(str(text), LONGEST_TITLE, visible)[0],
        description=None if about is None else hint_of(about),
        component=field,
    )


def hint_of(text: str | Message) -> str:
    """Return a placeholder, or an explanation of a field, as long as it may be."""
    return fit(str(text), LONGEST_HINT, visible)[0]
