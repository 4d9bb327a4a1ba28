"""Whose message is it?"""

from __future__ import annotations

from typing import Any

import discord


def is_own(interaction: discord.Interaction[Any]) -> bool:
    """Whether only the person behind an interaction sees its message, or has asked for it."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return True
    asked = message.interaction_metadata
    return asked is not None and asked.user.id == interaction.user.id
