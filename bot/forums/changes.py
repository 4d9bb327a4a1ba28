"""What a press on the page of a forum changes in its settings."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.errors import InvalidRequest
from bot.forums.components import LOG, MODE, MOST, THRESHOLD, USE, Pressed
from bot.locales.message import later
from bot.servers.settings import ServerSettings
from bot.servers.topics.forums import MOST_TAGS, ForumMode, ForumSettings, TagSettings

NEVER_OFFERED = later("I have not offered that. Please open the page again with `/forum-tags setup`.")


def changed(
    settings: ForumSettings, action: str, pressed: Pressed, forum: discord.ForumChannel, now: float
) -> ForumSettings:
    """Return the settings after a choice in a menu.

    Args:
        action: the name of the menu's action.
        now: in seconds since 1970.

    Raises:
        InvalidRequest: the choice was never offered, or it cannot be done.
    """
    value = pressed.values[0] if pressed.values else ""
    try:
        change = _change(action, value, settings, now)
    except (KeyError, ValueError):
        raise InvalidRequest(NEVER_OFFERED) from None
    if action == LOG.name and change["log_channel"] is not None:
        _check_log(forum, int(value))
    return settings.model_copy(update=change)


def _change(action: str, value: str, settings: ForumSettings, now: float) -> Mapping[str, object]:
    """Return the fields that change; raise `KeyError` or `ValueError` if the choice was never offered."""
    if action == MODE.name:
        mode = ForumMode(value)
        # Posts that were created while it was off stay as they are.
        return {"mode": mode, "since": now if settings.mode is ForumMode.OFF else settings.since}
    if action in (THRESHOLD.name, USE.name):
        return {"threshold": _within(float(value), 0.01, 0.99)}
    if action == MOST.name:
        return {"most": int(_within(int(value), 1, MOST_TAGS))}
    if action == LOG.name:
        return {"log_channel": int(value) if value else None}
    raise KeyError(action)


def _within(number: float, low: float, high: float) -> float:
    if not low <= number <= high:  # NaN neither
        raise ValueError
    return number


def _check_log(forum: discord.ForumChannel, channel_id: int) -> None:
    channel = forum.guild.get_channel(channel_id)
    if not isinstance(channel, discord.TextChannel):
        raise InvalidRequest(
            later("The log must be a text channel of this server that I can see. Nothing has changed.")
        )
    mine = channel.permissions_for(forum.guild.me)
    if not (mine.view_channel and mine.send_messages and mine.embed_links):
        raise InvalidRequest(
            later(
                "I may not write to {mention}. Allow me **View Channel**, **Send Messages** and **Embed Links** "
                "there, and choose it again. Nothing has changed.",
                mention=channel.mention,
            )
        )


def with_forum(server: ServerSettings, forum_id: int, settings: ForumSettings) -> ServerSettings:
    """Return a server's settings with those of a forum."""
    topic = server.forum_tags
    forums = {**topic.forums, forum_id: settings}
    return server.model_copy(update={"forum_tags": topic.model_copy(update={"forums": forums})})


def without_forum(server: ServerSettings, forum_id: int) -> ServerSettings:
    """Return a server's settings without those of a forum."""
    topic = server.forum_tags
    forums = {known: one for known, one in topic.forums.items() if known != forum_id}
    return server.model_copy(update={"forum_tags": topic.model_copy(update={"forums": forums})})


def with_tag(settings: ForumSettings, tag: int, own: TagSettings, forum: discord.ForumChannel) -> ForumSettings:
    """Return a forum's settings with those of a tag, and without those of tags that it no longer has."""
    tags = {known: one for known, one in settings.tags.items() if forum.get_tag(known) is not None}
    return settings.model_copy(update={"tags": {**tags, tag: own}})
