"""In which language the bot writes to whom."""

from __future__ import annotations

import discord

from bot.locales.choice import locale_for, offered_for
from bot.locales.current import write_in
from bot.servers.directory import Servers
from bot.servers.languages import server_language
from bot.servers.own_languages import OwnLanguages
from bot.servers.settings import ServerSettings


class Speech:
    """Sets the locale of a task when something arrives that it answers.

    The first that is offered of: the language that the person has chosen; that of their Discord, which Discord tells of
    interactions; the server's, as it has set it or as Discord has it; English.
    """

    def __init__(self, own: OwnLanguages, servers: Servers) -> None:
        self._own = own
        self._servers = servers

    def answer(self, interaction: discord.Interaction) -> None:
        """Write in the language of an interaction from now on. Nothing is waited for."""
        for code in (self._own.of(interaction.user.id), interaction.locale.value):
            if code is not None and (locale := offered_for(code)) is not None:
                write_in(locale)
                return
        settings = self._servers.last_known(interaction.guild_id)
        write_in(locale_for(server_language(interaction.guild_locale, settings)))

    def answer_message(self, message: discord.Message, settings: ServerSettings) -> None:
        """Write in the language of a message's author, as far as it is known, or else of its server."""
        write_in(locale_for(self._own.of(message.author.id), _language(message.guild, settings)))


async def speak_in(servers: Servers, guild: discord.Guild) -> None:
    """Write in the language of a server from now on, because what follows is for everybody there."""
    write_in(locale_for(_language(guild, await servers.settings(guild.id))))


def _language(guild: discord.Guild | None, settings: ServerSettings) -> str | None:
    return server_language(None if guild is None else guild.preferred_locale, settings)
