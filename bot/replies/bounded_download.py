"""Attached files, read no further than they may be long."""

from __future__ import annotations

import aiohttp
import discord
import yarl

CDN_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})


async def read_at_most(attachment: discord.Attachment, limit: int) -> bytes:
    """Return the first bytes of an attachment, whatever Discord says about its size.

    Raises:
        aiohttp.ClientError: it cannot be had.
        discord.HTTPException: likewise, in a simulation.
    """
    url = yarl.URL(attachment.url)
    # Anywhere else than at Discord is a simulation, which hands its files over by itself.
    return await read_start(url, limit) if url.host in CDN_HOSTS else (await attachment.read())[:limit]


async def read_start(url: yarl.URL, limit: int) -> bytes:
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
