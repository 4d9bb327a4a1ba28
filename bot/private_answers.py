"""Answers that only one person sees: the server wants that of all, or they come of one that is private."""

from __future__ import annotations

import discord

_PRIVATE = "glassbox-private"


def answer_privately(interaction: discord.Interaction) -> None:
    """Have only one person see every new message that answers an interaction."""
    interaction.extras[_PRIVATE] = True


def is_answered_privately(interaction: discord.Interaction) -> bool:
    """Return whether only one person is to see the answers to an interaction."""
    return bool(interaction.extras.get(_PRIVATE))
