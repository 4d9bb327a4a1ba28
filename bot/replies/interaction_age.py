"""How old an interaction is: Discord lets it be answered for 15 minutes, however long its turn takes to come."""

from __future__ import annotations

import asyncio
from typing import Any

import discord

TOKEN_SECONDS = 15 * 60.0
"""How long an interaction's token lives, counted from the interaction."""

_BEGAN = "glassbox-began"


def age(interaction: discord.Interaction[Any]) -> float:
    """The seconds since an interaction was created.

    Its creation is read off its id once, when it is first asked for, which is on arrival (see `UnderWay`). From then on
    the loop's clock counts, which nobody sets.
    """
    now = asyncio.get_running_loop().time()
    if _BEGAN not in interaction.extras:
        interaction.extras[_BEGAN] = now - _age_on_arrival(interaction)
    return now - float(interaction.extras[_BEGAN])


def _age_on_arrival(interaction: discord.Interaction[Any]) -> float:
    seconds = (discord.utils.utcnow() - interaction.created_at).total_seconds()
    # Discord sends nothing from the future, and nothing that has expired: then this machine's time of day is wrong.
    return seconds if 0 < seconds < TOKEN_SECONDS else 0.0
