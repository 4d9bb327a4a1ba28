"""The message in which a file's progress is shown: a response, and after 15 minutes a message of the bot's own."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bot.batches.job import Place
from bot.errors import describe
from bot.locales.message import later
from bot.replies.acknowledgement import NO_MENTIONS
from bot.replies.discord_errors import Outcome, outcome_of
from bot.replies.pending import EDIT_TIMEOUT, until_accepted

log = logging.getLogger(__name__)

MARGIN_SECONDS = 60.0
"""So long before its token expires, a response is left for a message."""
MOVED = later("I go on in another message: Discord lets me edit this one no longer.")


class Unseen(Exception):
    """The message was deleted, or there is no place left: nobody sees the file."""


@dataclass
class Content:
    """What a message shows; files are made anew for each try."""

    embed: discord.Embed
    view: discord.ui.View | None = None
    files: Callable[[], Sequence[discord.File]] = tuple


class Post:
    """A message that is edited for as long as a file takes.

    Args:
        person: who gets a direct message if the bot may not write in the channel.
        now: returns the time, in seconds since 1970.
    """

    def __init__(self, client: discord.Client, person: int, place: Place, now: Callable[[], float]) -> None:
        self.place = place
        self._client = client
        self._person = person
        self._now = now

    @property
    def must_move(self) -> bool:
        """Whether the response can be edited for no longer than a moment."""
        return self.place.message_id is None and self._now() > self.place.until - MARGIN_SECONDS

    async def try_to_show(self, content: Content) -> None:
        """Show progress. A failure is only logged, for the next one follows.

        Raises:
            Unseen: the message was deleted.
        """
        try:
            async with asyncio.timeout(EDIT_TIMEOUT):
                await self._edit(content)
        except Exception as error:
            if outcome_of(error) is Outcome.GONE:
                raise Unseen from None
            log.info("a file's progress could not be shown: %s", describe(error))

    async def show(self, content: Content) -> None:
        """Show the end. If Discord is in trouble, try again.

        Raises:
            Unseen: there is no message any more.
            Exception: see `until_accepted`.
        """
        try:
            await until_accepted(lambda: self._edit(content))
        except Exception as error:
            if outcome_of(error) is Outcome.GONE:
                raise Unseen from None
            raise

    async def move(self, content: Content) -> bool:
        """Go on in a new message, in the channel or a direct one; return whether there is one now."""
        before = self.place
        for channel in dict.fromkeys((before.channel_id, None)):
            try:
                sent = await self._send(channel, content)
            except Exception as error:
                log.info("a file cannot be gone on with in a message: %s", describe(error))
            else:
                self.place = replace(before, channel_id=sent.channel.id, message_id=sent.id)
                await self._leave(before, sent)
                return True
        return False

    async def _send(self, channel_id: int | None, content: Content) -> discord.Message:
        channel: discord.abc.Messageable
        if channel_id is None:
            channel = await self._client.create_dm(discord.Object(self._person))
        else:
            channel = self._client.get_partial_messageable(channel_id, guild_id=self.place.guild_id)
        options: dict[str, Any] = {} if content.view is None else {"view": content.view}
        options |= {"embed": content.embed, "allowed_mentions": NO_MENTIONS}
        nonce = secrets.token_hex(12)  # for which Discord makes one message, however often it is sent
        sent: list[discord.Message] = []

        async def send() -> None:
            sent.append(await channel.send(files=list(content.files()), nonce=nonce, **options))

        await until_accepted(send)
        return sent[-1]

    async def _leave(self, before: Place, sent: discord.Message) -> None:
        embed = discord.Embed(description=f"{MOVED}\n{sent.jump_url}")
        try:
            await self._edit_response(before, Content(embed))
        except Exception as error:
            log.info("a response could not be left: %s", describe(error))

    async def _edit(self, content: Content) -> None:
        if self.place.message_id is None:
            await self._edit_response(self.place, content)
            return
        assert self.place.channel_id is not None
        message = self._client.get_partial_messageable(self.place.channel_id).get_partial_message(self.place.message_id)
        await message.edit(
            embed=content.embed, view=content.view, attachments=list(content.files()), allowed_mentions=NO_MENTIONS
        )

    async def _edit_response(self, place: Place, content: Content) -> None:
        """Edit the response to an interaction of which only the token is known, perhaps from another process."""
        http = self._client.http
        with handle_message_parameters(
            content=None,
            embed=content.embed,
            view=content.view,
            attachments=list(content.files()),
            allowed_mentions=NO_MENTIONS,
        ) as params:
            await async_context.get().edit_original_interaction_response(
                place.application_id,
                place.token,
                session=http._HTTPClient__session,  # type: ignore[attr-defined]  # as `discord.Interaction` does
                proxy=http.proxy,
                proxy_auth=http.proxy_auth,
                payload=params.payload,
                multipart=params.multipart,
                files=params.files,
            )
