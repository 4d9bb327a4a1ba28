"""Whether a file that was given a while ago may still be answered, by what its server has set since."""

from __future__ import annotations

import logging

import discord

from bot.batches.job import Job
from bot.errors import DiscordAvoided, GlassboxError, SettingsUnknown, Unanswered, describe
from bot.replies.checkpoints.choosing import Choosing
from bot.servers.gate import Access
from bot.sharding.standing import Standing
from bot.storage.batches import KeptBatch

log = logging.getLogger(__name__)

FEATURE = "batch"
FRESH_SECONDS = 60.0
"""A file that was given so recently, and that no process has begun, was checked a moment ago."""


class Permission:
    """Checks files as the command was checked.

    Args:
        standing: says who their people are now.
        checkpoints: those that their servers allow.
    """

    def __init__(self, access: Access, standing: Standing, checkpoints: Choosing) -> None:
        self._access = access
        self._standing = standing
        self._checkpoints = checkpoints

    async def problem(self, kept: KeptBatch, job: Job, now: float) -> str | None:
        """Return why a file may not be answered any more; an empty text if it may, None if that is not known just now.

        Args:
            now: in seconds since 1970.
        """
        if kept.guild_id is None or (not job.begun and now - kept.created < FRESH_SECONDS):
            return ""
        try:
            await self._check(kept, job, kept.guild_id)
        except (Unanswered, SettingsUnknown, DiscordAvoided) as error:
            log.warning("a file waits, because nobody knows if it may still be answered: %s", describe(error))
            return None
        except GlassboxError as error:
            return error.sentence
        return ""

    async def _check(self, kept: KeptBatch, job: Job, guild_id: int) -> None:
        """Raise a `GlassboxError` unless its person may still use its command where they did, with its checkpoint."""
        channel_id = job.asked_in or job.place.channel_id or 0
        found = await self._standing.of(guild_id, kept.person, channel_id)
        member = discord.Object(kept.person) if found is None else found.member
        channel = discord.Object(channel_id) if found is None else found.channel
        for feature in (FEATURE, job.options.command.value):
            await self._access.check_for(feature, guild_id, channel, member)
        await self._checkpoints.name(kept, job.options.command.value, job.options.checkpoint)
