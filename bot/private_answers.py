"""Answers that only one person sees, because the server wants that of all."""

from __future__ import annotations

import discord

_PRIVATE = "glassbox-private"


def answer_privately(interaction: discord.Interaction) -> None:
    """Have only one person see every new message that answers an interaction."""
    interaction.extras[_PRIVATE] = True


def is_answered_privately(interaction: discord.Interaction) -> bool:
    """Return whether the server wants only one person to see the answers to an interaction."""
    return bool(interaction.extras.get(_PRIVATE))
