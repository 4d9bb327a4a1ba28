"""The surveys of one command: who may have one, where, and one at a time for each person."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import discord

from bot.channels.access import Chosen, Readable, readable_channel
from bot.channels.message import ChannelMessage
from bot.errors import NotAllowedHere, Refused
from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.locales.message import _, later
from bot.replies.acknowledgement import defer
from bot.replies.channels.facts import Place
from bot.replies.channels.survey import Facts, Survey, Tools
from bot.storage.opt_outs import OptOuts
from bot.storage.processes import Processes

ResultT = TypeVar("ResultT")
ONE_AT_A_TIME = later("I am still making a picture for you. Wait for it, or stop it, before you ask for another one.")


class Rules(Protocol):
    """What servers have set about who may use what, and where."""

    async def allows_in(self, feature: str, guild: discord.Guild, channel: Any, who: Any) -> bool: ...


class Surveyor(Protocol):
    """The bot, as far as this needs it."""

    @property
    def backend(self) -> Backend: ...
    @property
    def opt_outs(self) -> OptOuts: ...
    @property
    def processes(self) -> Processes: ...
    @property
    def access(self) -> Rules: ...
    @property
    def timers(self) -> contextvars.Context: ...


@dataclass(frozen=True)
class Surveyed:
    """A channel that is looked at for an interaction."""

    interaction: discord.Interaction[Any]
    channel: Readable
    names: Place


class Surveys:
    """Makes pictures of channels.

    Args:
        command: the name of the command, which servers may have switched off for a channel.
    """

    def __init__(self, bot: Surveyor, command: str) -> None:
        self._bot = bot
        self._command = command
        self._people: set[int] = set()

    @contextlib.asynccontextmanager
    async def of(self, interaction: discord.Interaction[Any], chosen: Chosen | None) -> AsyncIterator[Surveyed]:
        """Check who asks for what, and defer the interaction: privately if it is about another channel.

        Raises:
            GlassboxError: they may not have it, or have one in the making.
        """
        person = interaction.user.id
        if person in self._people:
            raise Refused(str(ONE_AT_A_TIME))
        self._people.add(person)
        try:
            channel = await readable_channel(interaction, chosen)
            is_here = channel.id == interaction.channel_id
            if not is_here and not await self._bot.access.allows_in(
                self._command, channel.guild, channel, interaction.user
            ):
                raise NotAllowedHere(
                    _("/{command} is switched off for that channel. Try another one.", command=self._command)
                )
            # Others here may not be able to read it.
            await defer(interaction, thinking=True, ephemeral=not is_here)
            yield Surveyed(interaction, channel, Place(channel.guild.id, channel.id, channel.name))
        finally:
            self._people.discard(person)

    async def run(
        self,
        place: Surveyed,
        title: str,
        number: int,
        make: Callable[[str], Request[ResultT]],
        take: Callable[[ChannelMessage, ResultT], None],
        is_truncated: Callable[[ResultT], bool],
    ) -> Facts | None:
        """Read and judge; see `Survey`."""
        bot = self._bot
        tools = Tools(bot.backend, bot.opt_outs, bot.processes.writing, bot.timers)
        return await Survey(place.interaction, tools, place.channel, title, number, make, take, is_truncated).run()
