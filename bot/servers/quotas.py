"""The quotas that servers set, counted over all processes that share the database."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.strategies import MovingWindowRateLimiter

from bot.errors import QuotaUsedUp, describe
from bot.request_ids import is_answered_again
from bot.servers.directory import Servers
from bot.servers.topics.quotas import Quota
from bot.storage.database import FAILURES
from bot.storage.quota_uses import QuotaUses

log = logging.getLogger(__name__)

NAMESPACE = "quota"


class ServerQuotas:
    """Counts answers. If the database fails, they are not counted, and arrive nevertheless."""

    def __init__(self, servers: Servers, uses: QuotaUses) -> None:
        self._servers = servers
        self._uses = uses
        self._limiter = MovingWindowRateLimiter(uses)

    @contextlib.asynccontextmanager
    async def use(self, guild_id: int | None, member: Any) -> AsyncIterator[None]:
        """Count an answer to a member of a server, unless the body raises, or a process that has died has counted it.

        Args:
            guild_id: None outside servers, where nothing is counted.
            member: by their roles. One who is only known by their id has the quota of everybody.

        Raises:
            QuotaUsedUp: they have had as many as they may.
        """
        quota = await self._quota(guild_id, member)
        if quota is None or guild_id is None or is_answered_again.get():
            yield
            return
        item = RateLimitItemPerSecond(quota.answers, quota.seconds, NAMESPACE)
        whose = str(guild_id), str(member.id)
        is_counted = await self._count(item, whose, quota)
        try:
            yield
        except BaseException:
            if is_counted:
                await self._give_back(item.key_for(*whose))
            raise

    async def _quota(self, guild_id: int | None, member: Any) -> Quota | None:
        if guild_id is None:
            return None
        quotas = (await self._servers.settings(guild_id)).quotas
        return quotas.of(getattr(member, "_roles", ()))

    async def _count(self, item: RateLimitItemPerSecond, whose: tuple[str, str], quota: Quota) -> bool:
        """Count an answer; return whether it is counted, which it is unless the database fails."""
        try:
            # Nothing has been acknowledged yet.
            if await self._uses.patience.wait(self._limiter.hit(item, *whose)):
                return True
            window = await self._limiter.get_window_stats(item, *whose)
        except FAILURES as error:
            log.warning("an answer cannot be counted: %s", describe(error))
            return False
        raise QuotaUsedUp(str(quota), window.reset_time)

    async def _give_back(self, key: str) -> None:
        try:
            await self._uses.give_back(key)
        except FAILURES as error:
            log.warning("an answer that did not come is counted: %s", describe(error))
