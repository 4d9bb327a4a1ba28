"""The bot in this process, connected to a Discord with a server over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from bot.settings import Settings
from tests.discord_server import TOKEN
from tests.discord_trouble import hurry_bot
from tests.faults.crowd.server import CrowdedDiscord
from tests.test_app import running

Crowded = Callable[..., AbstractAsyncContextManager[CrowdedDiscord]]


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Crowded:
    """Run the bot, perhaps with other settings, until the end of the body; it must leave nothing behind.

    It repeats calls without long pauses.
    """

    hurry_bot(monkeypatch)

    @asynccontextmanager
    async def crowded(**changed: object) -> AsyncIterator[CrowdedDiscord]:
        discord = CrowdedDiscord()
        async with discord.serving():
            discord.take_the_place_of_discord(monkeypatch)
            known = {"discord_token": SecretStr(TOKEN), "message_content": True, **changed}
            async with running(settings.model_copy(update=known)):
                await discord.connected()
                await discord.until("PUT", "/commands")
                yield discord

    return crowded
