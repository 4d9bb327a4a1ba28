"""Turns to identify shards, as often as Discord lets all processes of a bot do it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.errors import DiscordAvoided, describe
from bot.locales.numbers import in_seconds
from bot.storage.database import FAILURES
from bot.storage.identifications import Identifications

log = logging.getLogger(__name__)

IDENTIFY_SECONDS = 5.2
"""Between two shards of a bucket. Discord wants five; the rest is for the way there."""
CONNECT_SECONDS = 20.0
"""How long other processes wait for a shard that has a turn to connect."""
LOOK_SECONDS = 60.0
"""How old Discord's limits may be."""
LONGEST_WAIT = 900.0
"""Seconds after which the limits are looked at again, even if Discord said that it takes longer."""


class Identifying:
    """Discord's two limits for the beginnings of sessions.

    In five seconds one shard of each bucket may identify; its bucket is its number modulo `max_concurrency`. And only
    so many sessions may begin in a day: a bot that begins more loses its token.

    If the database fails, only this process's shards take turns. Discord then refuses some, and discord.py tries again.

    Source: https://discord.com/developers/docs/events/gateway#session-start-limit-object

    Args:
        fetch: asks Discord for its limits.
    """

    def __init__(
        self, identifications: Identifications, fetch: Callable[[], Awaitable[discord.SessionStartLimits]]
    ) -> None:
        self._identifications = identifications
        self._fetch = fetch
        self._limits: discord.SessionStartLimits | None = None
        self._fetched = -math.inf
        self._begun = 0
        self._next: dict[int, float] = {}

    async def reserve(self, shard_id: int) -> None:
        """Wait for the turn of a shard that is not connected yet, for as long as it takes."""
        await self._wait_for_session_starts()
        await self._wait(self._identifications.reserve, shard_id, CONNECT_SECONDS)

    async def take(self, shard_id: int) -> None:
        """Wait for the turn of a connected shard, and take it: it identifies at once."""
        await self._wait_for_session_starts()
        await self._wait(self._identifications.take, shard_id, IDENTIFY_SECONDS)
        self._begun += 1
        self._next[self._bucket(shard_id)] = asyncio.get_running_loop().time() + IDENTIFY_SECONDS

    def _bucket(self, shard_id: int) -> int:
        return shard_id % (1 if self._limits is None else max(1, self._limits.max_concurrency))

    async def _wait(self, turn: Callable[[int, float], Awaitable[float]], shard_id: int, seconds: float) -> None:
        """Wait until a turn is given."""
        while True:
            left = await self._ask(turn, shard_id, seconds)
            if left <= 0:
                return
            await asyncio.sleep(left)

    async def _ask(self, turn: Callable[[int, float], Awaitable[float]], shard_id: int, seconds: float) -> float:
        """Ask for a turn; return 0, or the seconds until it is worth asking again."""
        bucket = self._bucket(shard_id)
        try:
            return await turn(bucket, seconds)
        except FAILURES as error:
            log.warning("other processes cannot be asked for a turn to identify: %s", describe(error))
        return self._next.get(bucket, -math.inf) - asyncio.get_running_loop().time()

    async def _wait_for_session_starts(self) -> None:
        """Wait until Discord lets another session begin."""
        await self._look()
        while (limits := self._limits) is not None and limits.remaining <= self._begun:
            seconds = min(limits.reset_after / 1000 + 1, LONGEST_WAIT)
            log.warning("Discord lets no more sessions begin today: waiting, for %s at least", in_seconds(seconds))
            await asyncio.sleep(seconds)
            self._fetched = -math.inf
            await self._look()

    async def _look(self) -> None:
        """Fetch the limits unless they are known; if that fails, those that were known hold."""
        now = asyncio.get_running_loop().time()
        if now - self._fetched < LOOK_SECONDS:
            return
        try:
            self._limits = await self._fetch()
        except (discord.DiscordException, DiscordAvoided, aiohttp.ClientError, OSError) as error:
            log.warning("Discord's limits of sessions cannot be fetched: %s", describe(error))
        else:
            self._begun = 0
        self._fetched = now
