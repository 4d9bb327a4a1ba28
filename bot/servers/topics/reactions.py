"""Flags under messages."""

from __future__ import annotations

from bot.servers.topics.topic import Topic


class ReactionSettings(Topic):
    """Translations that people ask for by a flag as a reaction.

    Attributes:
        translate: whether flags translate.
        delete_after: seconds until a translation is deleted; None to keep it.
    """

    translate: bool = False
    delete_after: int | None = None
