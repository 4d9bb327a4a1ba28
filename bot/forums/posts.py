"""The last posts of a forum, active and archived."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot.errors import InvalidRequest, Unanswered, describe
from bot.locales.message import later

log = logging.getLogger(__name__)

READ_SECONDS = 60.0
"""How long listing may take. discord.py itself waits as long as a rate limit asks."""


async def last_posts(forum: discord.ForumChannel, number: int) -> list[discord.Thread]:
    """Return the newest posts of a forum, newest first.

    Raises:
        InvalidRequest: Discord does not let the bot list them.
        Unanswered: Discord is in trouble.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            active = [thread for thread in await forum.guild.active_threads() if thread.parent_id == forum.id]
            # Discord orders archived posts by when they were archived, and an old one may have been archived last.
            archived = [thread async for thread in forum.archived_threads(limit=2 * number)]
    except discord.Forbidden:
        raise InvalidRequest(
            later(
                "Discord does not let me list the posts of {mention}. Allow me **View Channel** and **Read Message "
                "History** there.",
                mention=forum.mention,
            )
        ) from None
    except Exception as error:  # see `bot.replies.discord_errors`
        log.info("posts cannot be listed: %s", describe(error))
        raise Unanswered(later("Discord does not give me the posts just now. Please try again in a moment.")) from error
    posts = {thread.id: thread for thread in (*archived, *active)}
    return [posts[key] for key in sorted(posts, reverse=True)][:number]
