"""The one check of access: for commands, menus, components, and what the bot does without a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.errors import GlassboxError, NotAllowedHere, named
from bot.locales.message import Message, later
from bot.private_answers import answer_privately
from bot.servers.access import Asked, Levels, Verdict, decide
from bot.servers.directory import Servers
from bot.servers.features import ALWAYS_ALLOWED, ONES_OWN, MessageFeature
from bot.servers.topics.access import EVERYTHING, Subject

SWITCHED_OFF: Mapping[str, tuple[Message, Message]] = {
    MessageFeature.MENTIONS: (
        # Translators: mentions are messages that mention me.
        later("Mentions is switched off here for this channel."),
        later("Mentions is switched off here for your roles, or for you."),
    ),
    MessageFeature.REACTIONS: (
        # Translators: flag reactions are translations that people ask for with a flag under a message.
        later("Flag reactions is switched off here for this channel."),
        later("Flag reactions is switched off here for your roles, or for you."),
    ),
    MessageFeature.FORUM_TAGS: (
        # Translators: forum tags are tags that I propose for posts.
        later("Forum tags is switched off here for this channel."),
        later("Forum tags is switched off here for your roles, or for you."),
    ),
}
"""What is prohibited by a rule about a place, and by one about a person."""
WHO_DECIDES = later("Who has the permission Manage Server can change that with /settings.")


class Access:
    """Applies what servers have set about access. In direct messages and group channels everything is allowed."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    async def enter(self, feature: str, interaction: discord.Interaction[Any]) -> None:
        """Check an interaction that has arrived, and note whether the server wants its answers to be private.

        Raises:
            Refused: see `check`.
        """
        if interaction.guild_id is None:
            return
        await self.check(feature, interaction)
        if await self._servers.wants_privacy(interaction.guild_id):
            answer_privately(interaction)

    async def check(self, feature: str, interaction: discord.Interaction[Any]) -> None:
        """Let an interaction pass if its person may use a feature where they are.

        Raises:
            NotAllowedHere: they may not.
            SettingsUnknown: the database fails, and what the server has set is not known.
        """
        if interaction.guild_id is not None:
            await self.check_for(feature, interaction.guild_id, interaction.channel, interaction.user)

    async def check_for(self, feature: str, guild_id: int, channel: Any, who: Any) -> None:
        """Let pass whatever is done for somebody if they may use a feature in a channel; raises like `check`.

        Args:
            channel, who: see `allows_in`.
        """
        _refuse_unless(await self._verdict(feature, asked_by(guild_id, channel, who)), feature)

    async def suggests(self, feature: str, interaction: discord.Interaction[Any]) -> bool:
        """Return whether somebody who types may see suggestions for a feature; False if that is not known."""
        try:
            await self.check(feature, interaction)
        except GlassboxError:
            return False
        return True

    async def allows(self, feature: str, message: discord.Message) -> bool:
        """Return whether a message's author may use a feature where it stands; False if that is not known."""
        return await self.allows_in(feature, message.guild, message.channel, message.author)

    async def allows_in(
        self, feature: str, guild: discord.Object | discord.Guild | None, channel: Any, who: Any
    ) -> bool:
        """Return whether somebody may use a feature in a channel; False if that is not known.

        Args:
            guild: the server; None for direct messages and group channels.
            channel: a channel or thread. Of one that is only known by its id, the category's rules do not hold.
            who: a member. Of one that is only known by their id, rules about roles do not hold.
        """
        if guild is None:
            return True
        try:
            return (await self._verdict(feature, asked_by(guild.id, channel, who))).allowed
        except GlassboxError:
            return False

    async def depends_on_roles(self, feature: str, guild_id: int) -> bool:
        """Return whether a server has rules for single roles about a feature; raise `SettingsUnknown`."""
        rules = (await self._servers.certain(guild_id)).access.rules
        roles = {rule.id for rule in rules if rule.subject is Subject.ROLE and rule.feature in (feature, EVERYTHING)}
        return bool(roles - {guild_id})

    async def _verdict(self, feature: str, asked: Asked) -> Verdict:
        if feature in ALWAYS_ALLOWED or feature == ONES_OWN:
            return Verdict()
        [[guild_id], *_] = asked.places
        return decide((await self._servers.certain(guild_id)).access.rules, feature, asked)


def asked_by(guild_id: int, channel: Any, who: Any) -> Asked:
    """Return where somebody asks in a server, and who, for the rules."""
    return Asked(_places(guild_id, channel), _persons(guild_id, who))


def _places(guild_id: int, channel: Any) -> Levels:
    # Of a thread whose parent this process does not know, `category_id` raises.
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    category = getattr(parent, "category_id", None)
    ids = (guild_id, category, getattr(channel, "parent_id", None), getattr(channel, "id", None))
    return tuple(frozenset({one}) for one in ids if one is not None)


def _persons(guild_id: int, who: Any) -> Levels:
    # As Discord sent them: `Member.roles` leaves out those that this process does not know.
    roles = frozenset(getattr(who, "_roles", ()))
    return frozenset({guild_id}), roles, frozenset({who.id})


def _refuse_unless(verdict: Verdict, feature: str) -> None:
    if verdict.allowed:
        return
    command = f"/{named(feature)}"
    here, for_them = SWITCHED_OFF.get(feature) or (
        later("{command} is switched off here for this channel.", command=command),
        later("{command} is switched off here for your roles, or for you.", command=command),
    )
    said = here if verdict.place is not None and not verdict.place.allow else for_them
    # Translators: two whole sentences, one after the other.
    raise NotAllowedHere(later("{first} {second}", first=said, second=WHO_DECIDES))
