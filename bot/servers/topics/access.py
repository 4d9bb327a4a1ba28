"""Who may use what, and where."""

from __future__ import annotations

from enum import StrEnum

from bot.servers.topics.topic import Topic

EVERYTHING = "*"
"""In place of a feature's name, in rules for all of them."""


class Dimension(StrEnum):
    """What a rule is about. The values are kept in the database."""

    PLACE = "place"
    PERSON = "person"


class Rule(Topic):
    """A permission or a prohibition.

    Attributes:
        feature: the name of a command or a message feature (see `bot.servers.features`), or `EVERYTHING`.
        dimension: whether `id` is a place or a person.
        id: of a channel, a category, a thread, a role or a member; the server's own for all channels, or for everybody,
            which is also how Discord numbers the role @everyone.
        allow: False for a prohibition.
    """

    feature: str
    dimension: Dimension
    id: int
    allow: bool


class AccessSettings(Topic):
    """The rules of a server, in no order. `bot.servers.access.decide` applies them."""

    rules: tuple[Rule, ...] = ()
