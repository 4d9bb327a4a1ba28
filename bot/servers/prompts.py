"""The system prompt of a place."""

from __future__ import annotations

from typing import Any

import discord

from bot.servers.directory import Servers


async def system_prompt(servers: Servers, guild_id: int | None, channel: Any) -> str:
    """Return the system prompt of a channel or thread: its own, its channel's, its category's, or the server's.

    Empty if the server has set none, and outside of servers.
    """
    if guild_id is None:
        return ""
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    ids = (getattr(channel, "id", None), getattr(channel, "parent_id", None), getattr(parent, "category_id", None))
    return (await servers.settings(guild_id)).chat.prompt_in(*ids)
