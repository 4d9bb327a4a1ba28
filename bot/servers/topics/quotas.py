"""How much people may ask."""

from __future__ import annotations

from collections.abc import Mapping

from bot.servers.topics.topic import Topic

HOUR = 3600


class Quota(Topic):
    """At most so many answers in any period of so many seconds."""

    answers: int
    seconds: int = HOUR


class QuotaSettings(Topic):
    """The quotas of each member.

    Attributes:
        everybody: None for none.
        roles: those of members with a role, instead of it; None for none. Of several roles, the most generous one
            counts.
    """

    everybody: Quota | None = None
    roles: Mapping[int, Quota | None] = {}
