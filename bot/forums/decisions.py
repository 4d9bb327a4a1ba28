"""What people decide about proposed and applied tags, with the buttons under them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import discord

from bot.errors import ButtonRefused, InvalidRequest, SomebodyElses, Unanswered, describe
from bot.forums.components import ALL, Pressed
from bot.forums.pages.log import NOT_ALLOWED, entry
from bot.forums.pages.names import names
from bot.forums.pages.proposal import proposal
from bot.forums.publishing import Publisher, set_tags
from bot.forums.record import PostRecord, TagState
from bot.forums.services import Services, forum_of
from bot.locales.message import later
from bot.locales.values import later_joined
from bot.replies.acknowledgement import defer
from bot.replies.discord_errors import outcome_of
from bot.replies.pending import Edit, edit_for_good, until_accepted
from bot.servers.topics.forums import MOST_TAGS
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

FORGOTTEN = later("I no longer know what I proposed for this post. Its tags can still be set by hand.")
GONE = later("This post was archived, locked or deleted, so its tags stay as they are.")
FULL = later(
    "This post has {most_tags} tags already, and Discord allows no more. Remove one first.", most_tags=MOST_TAGS
)
NOT_YOURS = later("Only the author of this post and moderators can decide about its tags.")
MODERATORS = later("Only moderators can do that: it takes the permission Manage Threads.")
NOT_LOOKED_UP = later("I cannot look up what I proposed just now. Please try again in a moment.")


class Decisions:
    """Answers the buttons under proposals and entries of the log."""

    def __init__(self, services: Services, publisher: Publisher) -> None:
        self._services = services
        self._publisher = publisher

    async def add(self, interaction: Interaction, pressed: Pressed) -> None:
        """Add a proposed tag, or all of them.

        Raises:
            ButtonRefused: the person may not, or there is nothing to decide.
            InvalidRequest: the post has no room, or the bot may not change it.
        """
        forum, thread, record = await self._found(interaction, pressed)
        is_moderator = self._check_decider(interaction, forum, thread)
        proposed = record.those(TagState.PROPOSED)
        asked = [tag for tag in proposed if pressed.tag in (ALL, tag) and forum.get_tag(tag) is not None]
        allowed = [tag for tag in asked if is_moderator or not _is_moderated(forum, tag)]
        if asked and not allowed:
            raise SomebodyElses(later("Only moderators can add {tags}.", tags=later_joined(names(forum, asked))))
        await defer(interaction)
        added: Sequence[int] = ()
        if allowed:
            added = await self._add(thread, forum, allowed)
            record = await self._changed(thread, record, TagState.APPLIED, added)
        await self._redraw(interaction, forum, thread, record)
        if added and interaction.channel_id == thread.id:
            settings = await self._services.settings(forum)
            shown = record.with_state(TagState.CHOSEN, set(record.those(TagState.APPLIED)).difference(added))
            await self._publisher.write_log(thread, forum, shown, settings, by=interaction.user)

    async def dismiss(self, interaction: Interaction, pressed: Pressed) -> None:
        """Dismiss what nobody has added; raise `ButtonRefused` if the person may not."""
        forum, thread, record = await self._found(interaction, pressed)
        self._check_decider(interaction, forum, thread)
        await defer(interaction)
        record = await self._changed(thread, record, TagState.REJECTED, record.those(TagState.PROPOSED))
        if record.those(TagState.APPLIED):
            await self._redraw(interaction, forum, thread, record)
        else:
            await until_accepted(interaction.delete_original_response)

    async def undo(self, interaction: Interaction, pressed: Pressed) -> None:
        """Remove the bot's tags from a post; raise `ButtonRefused` if the person is no moderator."""
        forum, thread, record = await self._found(interaction, pressed)
        if not _is_moderator(interaction, forum):
            raise SomebodyElses(MODERATORS)
        await defer(interaction)
        ours = record.those(TagState.APPLIED)
        current = await self._current(thread)
        await self._set(current, forum, [tag.id for tag in current.applied_tags if tag.id not in ours])
        record = await self._changed(thread, record, TagState.REJECTED, ours)
        await self._redraw(interaction, forum, thread, record)

    async def _found(
        self, interaction: Interaction, pressed: Pressed
    ) -> tuple[discord.ForumChannel, discord.Thread, PostRecord]:
        """Return the post behind a button and its record; raise `ButtonRefused` if it is not there any more."""
        guild = interaction.guild
        channel = None if guild is None else guild.get_thread(pressed.place)
        if channel is None and guild is not None:
            try:
                fetched = await guild.fetch_channel(pressed.place)
            except Exception as error:  # see `bot.replies.discord_errors`
                log.info("a post cannot be looked at: %s", describe(error))
                is_gone = not outcome_of(error).is_retryable
                raise (ButtonRefused(GONE) if is_gone else Unanswered(NOT_LOOKED_UP)) from None
            channel = fetched if isinstance(fetched, discord.Thread) else None
        forum = None if channel is None else forum_of(channel)
        try:
            record = None if channel is None else await self._services.record(channel.id)
        except FAILURES as error:
            log.warning("a post's record cannot be read: %s", describe(error))
            raise Unanswered(NOT_LOOKED_UP) from error
        if channel is None or forum is None or record is None:
            raise ButtonRefused(FORGOTTEN)
        return forum, channel, record

    def _check_decider(self, interaction: Interaction, forum: discord.ForumChannel, thread: discord.Thread) -> bool:
        """Return whether a person is a moderator; raise `SomebodyElses` if they are not the author either."""
        is_moderator = _is_moderator(interaction, forum)
        if not is_moderator and interaction.user.id != thread.owner_id:
            raise SomebodyElses(NOT_YOURS)
        return is_moderator

    async def _add(self, thread: discord.Thread, forum: discord.ForumChannel, tags: Sequence[int]) -> Sequence[int]:
        """Add as many tags as there is room for; return those that the post has now."""
        current = await self._current(thread)
        present = [tag.id for tag in current.applied_tags]
        new = [tag for tag in tags if tag not in present]
        if new and len(present) >= MOST_TAGS:
            raise InvalidRequest(FULL)
        added = new[: MOST_TAGS - len(present)]
        if added:
            await self._set(current, forum, [*present, *added])
        return [tag for tag in tags if tag in present or tag in added]

    async def _current(self, thread: discord.Thread) -> discord.Thread:
        current = await self._publisher.refreshed(thread)
        if current is None:
            raise ButtonRefused(GONE)
        return current

    async def _set(self, thread: discord.Thread, forum: discord.ForumChannel, tags: Sequence[int]) -> None:
        try:
            await set_tags(thread, tags)
        except discord.Forbidden:
            raise InvalidRequest(NOT_ALLOWED.filled(forum=forum.mention)) from None

    async def _changed(
        self, thread: discord.Thread, record: PostRecord, state: TagState, tags: Sequence[int]
    ) -> PostRecord:
        """Keep what was decided, and return the record. If the database fails, Discord's event may count it later."""
        try:
            changed = await self._services.change(thread.id, lambda kept: kept.with_state(state, tags))
        except FAILURES as error:
            log.warning("a decision about tags cannot be kept: %s", describe(error))
            changed = None
        return changed or record.with_state(state, tags)

    async def _redraw(
        self, interaction: Interaction, forum: discord.ForumChannel, thread: discord.Thread, record: PostRecord
    ) -> None:
        """Show a proposal or an entry of the log as it is now."""
        is_proposal = interaction.channel_id == thread.id
        embed, view = proposal(forum, thread.id, record) if is_proposal else entry(forum, thread, record)

        async def content() -> Edit:
            return {"embed": embed, "view": view}

        await edit_for_good(interaction, content)


def _is_moderator(interaction: Interaction, forum: discord.ForumChannel) -> bool:
    member = interaction.user
    return isinstance(member, discord.Member) and forum.permissions_for(member).manage_threads


def _is_moderated(forum: discord.ForumChannel, tag: int) -> bool:
    found = forum.get_tag(tag)
    return found is not None and found.moderated
