"""What somebody may do now who asked a while ago, perhaps of a process that has died since.

An interaction holds the roles and permissions that its person had when they asked. Whoever goes on with it later asks
Discord anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord

from bot.errors import GlassboxError, NotAllowedHere, Unanswered, describe
from bot.locales.message import Message, later
from bot.replies.pending import until_accepted

log = logging.getLogger(__name__)

ASKING_SECONDS = 20.0
"""How long Discord may take to say who somebody is. An interaction is answered within 15 minutes."""
UNKNOWN_MEMBER = 10007
"""Discord's code for somebody who is not in a server, or not in a thread."""
LEFT = later(
    "You are not in this server any more, so I do not answer what you asked there. Write to me directly instead."
)
SHUT_OUT = later(
    "You may not use me in this channel any more, so I do not answer what you asked there. Try another channel, "
    "or ask somebody who manages this server."
)
NOT_SAID = later(
    "I had to begin anew with what you asked, and Discord does not tell me whether you may still ask it here. "
    "Please ask again."
)


@dataclass(frozen=True)
class Known:
    """What is known of somebody in a server.

    Attributes:
        channel: where they asked, or an object with its id if no more is known of it.
        permissions: theirs in this channel; None if they are not known.
        own: the bot's there; None likewise.
    """

    member: discord.Member
    channel: Any
    permissions: discord.Permissions | None = None
    own: discord.Permissions | None = None


class Standing:
    """Asks Discord who people are."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def renewed(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an interaction's payload with the roles and permissions of now. It stays as it is outside servers.

        Raises:
            NotAllowedHere: the person has left the server, or may not use the bot in this channel any more.
            GlassboxError: that cannot be found out.
        """
        if "guild_id" not in payload or "member" not in payload:
            return payload
        member, channel = payload["member"], payload.get("channel") or {}
        channel_id = int(channel.get("id") or payload.get("channel_id") or 0)
        found = await self.of(int(payload["guild_id"]), int(member["user"]["id"]), channel_id, channel.get("parent_id"))
        if found is None:
            return payload
        renewed: dict[str, Any] = {**member, "roles": [str(role) for role in found.member._roles]}
        if found.permissions is None:
            return {**payload, "member": renewed}
        _check(payload, found.permissions)
        is_private = channel.get("type") == discord.ChannelType.private_thread.value
        if is_private and not found.permissions.manage_threads:
            await _said(lambda: self._client.http.get_thread_member(channel_id, found.member.id), SHUT_OUT)
        theirs = {"permissions": str(found.permissions.value)}
        ours = {} if found.own is None else {"app_permissions": str(found.own.value)}
        return {**payload, "member": {**renewed, **theirs}, "channel": {**channel, **theirs}, **ours}

    async def of(self, guild_id: int, person: int, channel_id: int, parent_id: str | int | None = None) -> Known | None:
        """Return who somebody is in a server; None if the bot is not in it, so that nobody can say.

        Args:
            channel_id: of a channel or a thread.
            parent_id: of the thread's channel, as far as it is known.

        Raises:
            NotAllowedHere: they are not in this server.
            GlassboxError: that cannot be found out.
        """
        found: list[Known | None] = []

        async def ask() -> None:
            found.append(await self._ask(guild_id, person, channel_id, int(parent_id or 0)))

        await _said(ask, LEFT)
        return found[-1]

    async def _ask(self, guild_id: int, person: int, channel_id: int, parent_id: int) -> Known | None:
        guild = self._client.get_guild(guild_id)
        if guild is not None:
            channel = guild.get_channel_or_thread(channel_id) or guild.get_channel(parent_id)
            return _known(await guild.fetch_member(person), channel, channel_id, guild.me)
        try:  # it is perhaps another process's
            guild = await self._client.fetch_guild(guild_id, with_counts=False)
        except (discord.NotFound, discord.Forbidden):
            return None
        member = await guild.fetch_member(person)
        # Those that the bot does not see as well. Threads are not among them.
        channels = {one.id: one for one in await guild.fetch_channels()}
        return _known(member, channels.get(channel_id) or channels.get(parent_id), channel_id, None)


async def _said(ask: Callable[[], Awaitable[object]], not_in: Message) -> None:
    """Ask Discord something until it answers.

    Args:
        not_in: the sentence for somebody who is not where they are asked for.

    Raises:
        NotAllowedHere: they are not.
        GlassboxError: Discord does not say.
    """
    try:
        async with asyncio.timeout(ASKING_SECONDS):
            await until_accepted(ask)
    except GlassboxError:
        raise
    except Exception as error:  # see `bot.replies.discord_errors`
        if isinstance(error, discord.NotFound) and error.code == UNKNOWN_MEMBER:
            raise NotAllowedHere(not_in) from None
        log.warning("it cannot be found out what somebody may do now: %s", describe(error))
        raise Unanswered(NOT_SAID) from None


def _known(member: discord.Member, channel: Any, channel_id: int, me: discord.Member | None) -> Known:
    if channel is None:
        return Known(member, discord.Object(channel_id))
    may = partial(_permissions, channel)
    return Known(member, channel, may(member), None if me is None else may(me))


def _permissions(channel: Any, member: discord.Member) -> discord.Permissions | None:
    try:
        permissions: discord.Permissions = channel.permissions_for(member)
    except discord.ClientException:  # a thread whose channel is not known
        return None
    return permissions


def _check(payload: Mapping[str, Any], permissions: discord.Permissions) -> None:
    """Raise `NotAllowedHere` if Discord would not let somebody use a command, or press something, in a channel."""
    is_command = payload["type"] == discord.InteractionType.application_command.value
    if not permissions.view_channel or (is_command and not permissions.use_application_commands):
        raise NotAllowedHere(SHUT_OUT)
