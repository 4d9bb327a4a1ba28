"""Who runs the application: its owner at Discord, or the admins and developers of its team."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Collection
from typing import Protocol

import discord

from bot.errors import InvalidRequest, Refused, describe
from bot.locales.message import later

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 300.0
"""How long somebody who has left the team still counts as one of it."""
NOT_YOURS = later(
    "Only whoever runs this bot may do this: the application's owner, or an admin or developer of its team. "
    "See `/help` for what you can use."
)
UNKNOWN = later("Discord does not tell me just now who runs this bot. Please try again in a moment.")


class Owned(Protocol):
    """A client of discord.py, as far as this needs it."""

    owner_id: int | None
    owner_ids: Collection[int] | None

    async def is_owner(self, user: discord.abc.User, /) -> bool: ...
    async def application_info(self) -> discord.AppInfo: ...


class Operators:
    """Asks Discord who they are. discord.py would ask once, and remember the answer until the process ends."""

    def __init__(self, client: Owned) -> None:
        self._client = client
        self._asked_at = -math.inf
        self._team_owner: int | None = None
        # As discord.py has set it; whatever else is there was set by whoever made the client.
        self._found: tuple[object, object] = (None, set())

    async def check(self, person: discord.abc.User) -> None:
        """Raise `InvalidRequest` unless a person is an operator, and `Refused` if Discord does not say who is."""
        try:
            is_operator = await self._includes(person)
        except Exception as error:  # see `bot.replies.discord_errors`
            self._asked_at = -math.inf
            log.warning("who runs the application is unknown: %s", describe(error))
            raise Refused(UNKNOWN) from error
        if not is_operator:
            raise InvalidRequest(NOT_YOURS)

    async def _includes(self, person: discord.abc.User) -> bool:
        client = self._client
        if (client.owner_id, client.owner_ids) not in ((None, set()), (None, None), self._found):
            return await client.is_owner(person)
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= REMEMBERED_SECONDS:
            client.owner_id, client.owner_ids = None, set()
            # Who owns a team need not have a role in it.
            team = (await client.application_info()).team
            self._team_owner, self._asked_at = None if team is None else team.owner_id, now
        is_operator = await client.is_owner(person) or person.id == self._team_owner
        self._found = (client.owner_id, client.owner_ids)
        return is_operator
