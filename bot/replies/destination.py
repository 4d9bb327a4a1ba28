"""Where a reply goes: the response to an interaction, or (see `message_delivery`) a message of the bot's own."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack

import discord

from bot.replies.acknowledgement import NO_MENTIONS, defer
from bot.replies.discord_errors import is_gone
from bot.replies.interaction_age import age
from bot.replies.interaction_record import InteractionRecord, record_of


class Edit(TypedDict, total=False):
    """The parts of a message that an edit changes."""

    content: str | None
    embed: discord.Embed | None
    attachments: list[discord.File]
    view: discord.ui.View | discord.ui.LayoutView | None


class Destination(Protocol):
    """A message that will hold an answer, for somebody who asked."""

    @property
    def asker(self) -> discord.abc.Snowflake:
        """The one who asked: in a server, the member."""
        ...

    @property
    def guild_id(self) -> int | None:
        """The server that they asked in."""
        ...

    @property
    def record(self) -> InteractionRecord:
        """What has become of it so far."""
        ...

    @property
    def was_there(self) -> bool:
        """Whether the message held something before, which stays if no answer comes."""
        ...

    @property
    def is_rate_limited_with_others(self) -> bool:
        """Whether Discord counts its edits together with everything else that the bot does."""
        ...

    def age(self) -> float:
        """Return the seconds since the question was asked."""
        ...

    def opened(self, timers: contextvars.Context) -> contextlib.AbstractAsyncContextManager[None]:
        """Show that an answer follows, until the end of the body.

        Args:
            timers: the context in which whatever is repeated runs.
        """
        ...

    async def edit(self, **content: Unpack[Edit]) -> None:
        """Show a part of the answer, or the whole. It can be repeated without harm."""
        ...

    def is_gone(self, error: Exception) -> bool:
        """Return whether an error says that nothing can be shown there any more."""
        ...


@dataclass(frozen=True, eq=False)
class InteractionResponse:
    """The response to an interaction. A caller may already have deferred it.

    Attributes:
        new: whether the response is a message of its own, rather than an edit of the one with the component.
        ephemeral: whether only one person sees the new message.
    """

    interaction: discord.Interaction
    new: bool = True
    ephemeral: bool = False

    is_rate_limited_with_others = False

    @property
    def asker(self) -> discord.abc.Snowflake:
        """The one who asked: in a server, the member."""
        return self.interaction.user

    @property
    def guild_id(self) -> int | None:
        """The server that they asked in."""
        return self.interaction.guild_id

    @property
    def record(self) -> InteractionRecord:
        """The interaction's record."""
        return record_of(self.interaction)

    @property
    def was_there(self) -> bool:
        """Whether it is an edit."""
        return not self.new

    def age(self) -> float:
        """Return the age of the interaction."""
        return age(self.interaction)

    @contextlib.asynccontextmanager
    async def opened(self, timers: contextvars.Context) -> AsyncIterator[None]:
        """Acknowledge the interaction."""
        await defer(self.interaction, thinking=self.new, ephemeral=self.ephemeral)
        yield

    async def edit(self, **content: Unpack[Edit]) -> None:
        """Edit the response."""
        await self.interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **content)

    def is_gone(self, error: Exception) -> bool:
        """Return whether the interaction has expired, or somebody has deleted its response."""
        return is_gone(error)
