"""Messages as discord.py reads them."""

from __future__ import annotations

from functools import cache
from typing import Any

import discord

ADA = 5
NOW = "2024-05-01T12:00:00+00:00"
PERSON = {"id": str(ADA), "username": "ada", "global_name": "Ada", "discriminator": "0", "avatar": None}


@cache
def _client() -> discord.Client:
    return discord.Client(intents=discord.Intents(guilds=True))


def message(content: str, **fields: Any) -> discord.Message:
    """Read a message by Ada that mentions herself."""
    data: Any = {
        "id": "1", "channel_id": "2", "type": 0, "content": content, "author": PERSON, "embeds": [], "attachments": [],
        "timestamp": NOW, "edited_timestamp": None, "tts": False, "pinned": False, "mention_everyone": False,
        "mentions": [PERSON], "mention_roles": [], **fields,
    }  # fmt: skip
    client = _client()
    return discord.Message(state=client._connection, channel=client.get_partial_messageable(2), data=data)
