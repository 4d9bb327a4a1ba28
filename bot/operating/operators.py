"""Who runs the application: its owner at Discord, or the admins and developers of its team."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Protocol

import discord

from bot.errors import InvalidRequest, Refused, describe

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 300.0
"""How long somebody who has left the team still counts as one of it."""
NOT_YOURS = "Only whoever runs this bot may do this: the application's owner, or an admin or developer of its team."
UNKNOWN = "Discord does not tell me just now who runs this bot. Please try again in a moment."


class Owned(Protocol):
    """A client of discord.py, as far as this needs it."""

    owner_id: int | None
    owner_ids: set[int] | None

    async def is_owner(self, user: discord.abc.User, /) -> bool: ...


class Operators:
    """Asks Discord who they are. discord.py would ask once, and remember the answer until the process ends."""

    def __init__(self, client: Owned) -> None:
        self._client = client
        # Whoever makes the client may have set them.
        self._asks = not client.owner_id and not client.owner_ids
        self._asked_at = -math.inf

    async def check(self, person: discord.abc.User) -> None:
        """Raise `InvalidRequest` unless a person is an operator, and `Refused` if Discord does not say who is."""
        now = asyncio.get_running_loop().time()
        if self._asks and now - self._asked_at >= REMEMBERED_SECONDS:
            self._client.owner_id, self._client.owner_ids = None, set()
            self._asked_at = now
        try:
            is_operator = await self._client.is_owner(person)
        except Exception as error:  # see `bot.replies.discord_errors`
            self._asked_at = -math.inf
            log.warning("who runs the application is unknown: %s", describe(error))
            raise Refused(UNKNOWN) from error
        if not is_operator:
            raise InvalidRequest(NOT_YOURS)
