"""How much people may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from bot.servers.topics.topic import Topic

HOUR, DAY, WEEK = 3600, 24 * 3600, 7 * 24 * 3600
PERIODS: Mapping[int, str] = {HOUR: "an hour", DAY: "a day", WEEK: "a week"}
MOST_ANSWERS = 10_000


class Quota(Topic):
    """At most so many answers within any period of so many seconds."""

    answers: int = Field(ge=1, le=MOST_ANSWERS)
    seconds: int = Field(HOUR, ge=1, le=WEEK)

    def __str__(self) -> str:
        answers = "1 answer" if self.answers == 1 else f"{self.answers:,} answers"
        return f"{answers} {PERIODS.get(self.seconds, f'in {self.seconds} seconds')}"

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
