"""`/forum-tags`: tags for the posts of a forum."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.servers.topics.topic import Topic

MOST_TAGS = 5
"""Of a post, by Discord's rules."""
LONGEST_DESCRIPTION = 80
"""In characters: a label of `/zeroshot` is no longer."""

Threshold = Annotated[float, Field(ge=0.01, le=0.99)]
"""The least probability at which a tag fits."""


class ForumMode(StrEnum):
    """What happens to the tags that fit a new post. The values are kept in the database."""

    OFF = "off"
    PROPOSE = "propose"  # the author or a moderator accepts them with a button
    APPLY = "apply"


class TagSettings(Topic):
    """How one tag is judged.

    Attributes:
        description: what the model reads instead of the tag's name; empty for the name.
        threshold: instead of the forum's; None for the forum's.
        used: whether it is proposed or applied at all.
    """

    description: str = ""
    threshold: Threshold | None = None
    used: bool = True


class ForumSettings(Topic):
    """How the posts of one forum get tags.

    Attributes:
        mode: what happens to the tags that fit.
        since: when it was switched on, in seconds since 1970: earlier posts stay as they are.
        threshold: of the tags that have none of their own.
        most: how many tags a post has at most, with those that its author has chosen.
        log_channel: the id of the channel that is told what was applied; None for none.
        tags: by the ids of tags; those that are missing have the defaults.
    """

    mode: ForumMode = ForumMode.OFF
    since: float = 0.0
    threshold: Threshold = 0.8
    most: Annotated[int, Field(ge=1, le=MOST_TAGS)] = 3
    log_channel: int | None = None
    tags: Mapping[int, TagSettings] = {}

    def of_tag(self, tag_id: int) -> TagSettings:
        """Return the settings of a tag."""
        return self.tags.get(tag_id, TagSettings())

    def threshold_of(self, tag_id: int) -> float:
        """Return the least probability at which a tag fits."""
        own = self.of_tag(tag_id).threshold
        return self.threshold if own is None else own


class ForumTagSettings(Topic):
    """The forums whose posts get tags.

    Attributes:
        forums: by the ids of their channels.
    """

    forums: Mapping[int, ForumSettings] = {}

    def of_forum(self, forum_id: int) -> ForumSettings:
        """Return the settings of a forum."""
        return self.forums.get(forum_id, ForumSettings())
