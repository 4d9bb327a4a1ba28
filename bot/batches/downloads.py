"""Attached files, read no further than they may be long."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from bot.batches.formats import MOST_BYTES, check_size
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.bounded_download import read_at_most

READ_SECONDS = 60.0
UNAVAILABLE = later("The file could not be downloaded from Discord. Please try again in a moment.")


async def download(attachment: discord.Attachment) -> bytes:
    """Return the bytes of an attachment.

    Raises:
        InvalidRequest: it has too many, or it cannot be had.
    """
    check_size(attachment.size)
    try:
        async with asyncio.timeout(READ_SECONDS):
            content = await read_at_most(attachment, MOST_BYTES + 1)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError):
        raise InvalidRequest(UNAVAILABLE) from None
    check_size(len(content))
    return content
