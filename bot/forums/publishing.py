"""Applies tags, proposes them, and writes the log."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import discord

from bot.errors import describe
from bot.forums.pages.log import NOT_ALLOWED, NOT_DONE, entry
from bot.forums.pages.proposal import proposal
from bot.forums.record import PostRecord, TagState
from bot.forums.services import Services, forum_of
from bot.locales.message import Message
from bot.replies.acknowledgement import NO_MENTIONS
from bot.replies.discord_errors import Outcome, outcome_of
from bot.replies.pending import until_accepted
from bot.replies.silence import Silence
from bot.servers.topics.forums import MOST_TAGS, ForumMode, ForumSettings

log = logging.getLogger(__name__)

REASON = "Forum tags: these fit the post (see /forum-tags)"
"""In the server's audit log."""
NOT_STARTED = 40058
"""Discord's code for a post whose author's first message is not there yet."""
PAUSES = (1.0, 2.0, 4.0)
"""Seconds before a proposal is tried again that came before the first message."""


class Publisher:
    """Shows people what was judged."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._silence = Silence()

    def is_refused(self, forum: discord.ForumChannel) -> bool:
        """Return whether Discord has refused tags in a forum lately, so that nothing is tried there."""
        return forum.id in self._silence

    async def refreshed(self, thread: discord.Thread) -> discord.Thread | None:
        """Return a post as it is now; None if it was deleted, archived or locked, or Discord does not say."""
        found: list[object] = []

        async def look() -> None:
            found.append(await thread.guild.fetch_channel(thread.id))

        try:
            await until_accepted(look)
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("a post cannot be looked at: %s", describe(error))
            return None
        current = found[-1]
        if not isinstance(current, discord.Thread) or current.archived or current.locked:
            return None
        return current

    async def publish(
        self,
        thread: discord.Thread,
        turn: str,
        record: PostRecord,
        settings: ForumSettings,
        present: Sequence[int],
    ) -> None:
        """Keep what was judged, then apply or propose it. If Discord refuses, the record says so; raise `FAILURES`."""
        forum = forum_of(thread)
        posts = self._services.store.forum_posts
        if forum is None or not await posts.publish(thread.id, turn, record.model_dump_json()):
            return
        ours = record.those(TagState.APPLIED, TagState.PROPOSED)
        refused = await self._show(thread, forum, record, settings, present) if ours else None
        if refused is not None:
            await self._services.change(thread.id, lambda kept: kept.with_state(TagState.WITHHELD, ours))
        await posts.finish(thread.id)
        if settings.mode is ForumMode.APPLY and ours:
            await self.write_log(thread, forum, record, settings, refused=refused)

    async def _show(
        self,
        thread: discord.Thread,
        forum: discord.ForumChannel,
        record: PostRecord,
        settings: ForumSettings,
        present: Sequence[int],
    ) -> Message | None:
        """Apply or propose tags; return why Discord has refused it."""
        try:
            if settings.mode is ForumMode.PROPOSE:
                await self._propose(thread, forum, record)
            elif applied := record.those(TagState.APPLIED):
                await set_tags(thread, [*present, *applied])
        except Exception as error:  # see `bot.replies.discord_errors`
            log.warning("a post gets no tags: %s", describe(error))
            self._silence.hear(forum.id, error)
            return NOT_ALLOWED.filled(forum=forum.mention) if isinstance(error, discord.Forbidden) else NOT_DONE
        return None

    async def _propose(self, thread: discord.Thread, forum: discord.ForumChannel, record: PostRecord) -> None:
        for pause in (*PAUSES, None):
            embed, view = proposal(forum, thread.id, record)
            try:
                await send(thread, embed, view)
            except discord.Forbidden as error:
                if error.code != NOT_STARTED or pause is None:
                    raise
                await asyncio.sleep(pause)
            except Exception as error:
                if outcome_of(error) is not Outcome.UNKNOWN:
                    raise
                log.info("a receipt of Discord's was lost: %s", describe(error))  # so perhaps it is there
                return
            else:
                return

    async def write_log(
        self,
        thread: discord.Thread,
        forum: discord.ForumChannel,
        record: PostRecord,
        settings: ForumSettings,
        *,
        by: discord.abc.User | None = None,
        refused: Message | None = None,
    ) -> None:
        """Tell the log's channel about a post, if the forum has a log."""
        channel = None if settings.log_channel is None else forum.guild.get_channel(settings.log_channel)
        if not isinstance(channel, discord.TextChannel) or channel.id in self._silence:
            return
        embed, view = entry(forum, thread, record, by=by, refused=refused)
        try:
            await send(channel, embed, view)
        except Exception as error:  # see `bot.replies.discord_errors`
            log.warning("the log of a forum cannot be written: %s", describe(error))
            self._silence.hear(channel.id, error)


async def send(place: discord.abc.Messageable, embed: discord.Embed, view: discord.ui.View | None) -> None:
    """Send a message that pings nobody. Discord makes one for a nonce, however often it is sent.

    Raises:
        Exception: see `until_accepted`.
    """
    buttons: dict[str, Any] = {} if view is None else {"view": view}
    nonce = secrets.token_hex(12)
    await until_accepted(
        lambda: place.send(embed=embed, allowed_mentions=NO_MENTIONS, silent=True, nonce=nonce, **buttons)
    )


async def set_tags(thread: discord.Thread, tags: Iterable[int]) -> None:
    """Give a post tags; whatever it has beside them is removed.

    Raises:
        Exception: see `until_accepted`.
    """
    forum = forum_of(thread)
    known = [] if forum is None else [found for tag in dict.fromkeys(tags) if (found := forum.get_tag(tag)) is not None]
    await until_accepted(lambda: thread.edit(applied_tags=known[:MOST_TAGS], reason=REASON))
