"""How much people may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from bot.locales.message import plural
from bot.locales.numbers import whole
from bot.servers.topics.topic import Topic

HOUR, DAY, WEEK = 3600, 24 * 3600, 7 * 24 * 3600
PERIODS = (HOUR, DAY, WEEK)
"""Those that a server can choose."""
MOST_ANSWERS = 10_000


class Quota(Topic):
    """At most so many answers within any period of so many seconds."""

    answers: int = Field(ge=1, le=MOST_ANSWERS)
    seconds: int = Field(HOUR, ge=1, le=WEEK)

    def __str__(self) -> str:
        """Return it in words, in the current locale: "20 answers an hour"."""
        count, number, seconds = self.answers, whole(self.answers), self.seconds
        if seconds == HOUR:
            return plural("{number} answer an hour", "{number} answers an hour", count, number=number)
        if seconds == DAY:
            return plural("{number} answer a day", "{number} answers a day", count, number=number)
        if seconds == WEEK:
            return plural("{number} answer a week", "{number} answers a week", count, number=number)
        return plural(
            "{number} answer in {seconds} seconds",
            "{number} answers in {seconds} seconds",
            count,
            number=number,
            seconds=whole(seconds),
        )

    @property
    def a_day(self) -> float:
        """Answers a day."""
        return self.answers * DAY / self.seconds


class QuotaSettings(Topic):
    """The quotas of each member.

    Attributes:
        everybody: None for none.
        roles: those of members with a role, instead of it; None for none.
    """

    everybody: Quota | None = None
    roles: Mapping[int, Quota | None] = {}

    def of(self, roles: Iterable[int]) -> Quota | None:
        """Return the quota of a member with some roles. Of those of several roles the most generous one counts."""
        theirs = [self.roles[role] for role in roles if role in self.roles] or [self.everybody]
        limited = [quota for quota in theirs if quota is not None]
        return max(limited, key=lambda quota: quota.a_day) if len(limited) == len(theirs) else None
