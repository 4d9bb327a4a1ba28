"""Attached files, read no further than they may be long."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import yarl

from bot.batches.formats import MOST_BYTES, check_size
from bot.errors import InvalidRequest

READ_SECONDS = 60.0
CDN_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
UNAVAILABLE = "The file could not be downloaded from Discord. Please try again in a moment."


async def download(attachment: discord.Attachment) -> bytes:
    """Return the bytes of an attachment.

    Raises:
        InvalidRequest: it has too many, or it cannot be had.
    """
    check_size(attachment.size)
    url = yarl.URL(attachment.url)
    try:
        async with asyncio.timeout(READ_SECONDS):
            # Anywhere else than at Discord is a simulation, which hands its files over by itself.
            content = await read_at_most(url, MOST_BYTES + 1) if url.host in CDN_HOSTS else await attachment.read()
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError):
        raise InvalidRequest(UNAVAILABLE) from None
    check_size(len(content))
    return content


async def read_at_most(url: yarl.URL, limit: int) -> bytes:
    """Return the first bytes of what an address has, as they are sent: nothing is decompressed.

    Raises:
        aiohttp.ClientError: it cannot be had.
    """
    async with (
        aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session,
        session.get(url, allow_redirects=False, raise_for_status=True) as response,
    ):
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise aiohttp.ClientPayloadError
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk[: limit - len(content)]
            if len(content) >= limit:
                break
        return bytes(content)
