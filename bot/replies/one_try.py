"""Calls to Discord that must not be repeated, because Discord would do twice what it is asked twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord

SERVER_ERROR = 500


class OneTry:
    """An HTTP session for a webhook of discord.py's. It keeps it from repeating a request after an error of Discord's
    server, which may have done what was asked all the same.

    Args:
        session: makes the requests.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make a request as `aiohttp.ClientSession.request` does.

        Raises:
            discord.DiscordServerError: Discord's server has an error.
            aiohttp.ClientConnectionError: the connection broke.
        """
        try:
            async with self._session.request(method, url, **options) as response:
                if response.status >= SERVER_ERROR:
                    raise discord.DiscordServerError(response, await response.text(errors="replace"))
                yield response
        except OSError as error:
            raise aiohttp.ClientConnectionError from error


def sent_once(interaction: discord.Interaction) -> discord.Webhook:
    """Return the webhook of an interaction's follow-ups, whose calls are made once."""
    webhook = discord.Webhook.from_state(
        data={"id": interaction.application_id, "type": 3, "token": interaction.token}, state=interaction._state
    )
    webhook.session = OneTry(webhook.session)  # type: ignore[assignment]
    return webhook
