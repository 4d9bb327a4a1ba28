"""Text files that people attach."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.replies.bounded_download import read_at_most

MOST_BYTES = 100_000
READ_SECONDS = 2.0
"""Less than the three seconds that Discord waits for the first response, so that a bad file is refused ephemerally."""


async def read_text(attachment: discord.Attachment) -> str:
    """Return the text of a file; raise `InvalidRequest` if it is too large, unavailable or not UTF-8."""
    _check(attachment.size)
    try:
        async with asyncio.timeout(READ_SECONDS):
            content = await read_at_most(attachment, MOST_BYTES + 1)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise InvalidRequest(
            later("The file could not be downloaded from Discord. Please try again in a moment.")
        ) from error
    _check(len(content))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(
            later("The file isn't plain UTF-8 text. Please save it as a text file (.txt) in UTF-8, and attach that.")
        ) from None


def _check(size: int) -> None:
    if size > MOST_BYTES:
        raise InvalidRequest(
            later(
                "The file has {size} bytes, and I can read {most_bytes} at most. Please attach a part of it.",
                size=later_whole(size),
                most_bytes=later_whole(MOST_BYTES),
            )
        )
