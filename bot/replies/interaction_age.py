"""The age of an interaction. Discord lets one be answered for 15 minutes."""

from __future__ import annotations

import asyncio

import discord

TOKEN_SECONDS = 15 * 60.0
"""The life of an interaction's token, counted from the interaction."""

_BEGAN = "glassbox-began"


def age(interaction: discord.Interaction) -> float:
    """Return the seconds since an interaction was created. `PendingInteractions` calls this first, on arrival."""
    now = asyncio.get_running_loop().time()
    if _BEGAN not in interaction.extras:
        seconds = (discord.utils.utcnow() - interaction.created_at).total_seconds()
        # If it seems to come from the future or to have expired, this machine's time of day is wrong. After this, only
        # the event loop's clock is read, which nobody sets.
        interaction.extras[_BEGAN] = now - (seconds if 0 < seconds < TOKEN_SECONDS else 0.0)
    return now - float(interaction.extras[_BEGAN])
