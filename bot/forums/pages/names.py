"""Names of tags, as their forum has them now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord

from bot.locales.lists import joined
from bot.locales.message import later
from bot.replies.formatting.text import bold, fit, visible

LONGEST_BUTTON, LONGEST_NAME = 80, 40
DELETED = later("a deleted tag")


def tag_name(forum: discord.ForumChannel, tag: int) -> str:
    """Return a tag's name with its emoji, as plain text."""
    found = forum.get_tag(tag)
    if found is None:
        return str(DELETED)
    emoji = "" if found.emoji is None or found.emoji.id is not None else f"{found.emoji.name} "
    return f"{emoji}{fit(found.name, LONGEST_NAME, visible)[0]}"


def said(forum: discord.ForumChannel, tags: Iterable[int]) -> str:
    """Name some tags, in Markdown: "**bug** and **question**"."""
    return joined(names(forum, tags))


def names(forum: discord.ForumChannel, tags: Iterable[int]) -> list[str]:
    """Return the names of some tags, in Markdown."""
    return [bold(tag_name(forum, tag)) for tag in tags]


def known(forum: discord.ForumChannel, tags: Sequence[int]) -> list[int]:
    """Return those of some tags that the forum still has."""
    return [tag for tag in tags if forum.get_tag(tag) is not None]
