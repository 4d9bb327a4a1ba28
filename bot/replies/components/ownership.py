"""Whose message is it?"""

from __future__ import annotations

import discord

from bot.replies.delivery import ResponseKind


def response_kind(interaction: discord.Interaction) -> ResponseKind:
    """Return how to show somebody another view: their own message is edited, and others get an ephemeral copy."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return ResponseKind.EDIT
    asked = message.interaction_metadata
    is_own = asked is not None and asked.user.id == interaction.user.id
    return ResponseKind.EDIT if is_own else ResponseKind.EPHEMERAL
