"""The bot in this process, connected to a Discord with a server over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from bot.client import Glassbox
from bot.replies import acknowledgement, pending
from bot.settings import Settings
from tests.discord_server import TOKEN
from tests.discord_trouble import hurry
from tests.faults.crowd.server import CrowdedDiscord
from tests.test_app import Run, nothing_left, stop

Crowded = Callable[..., AbstractAsyncContextManager[CrowdedDiscord]]


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Crowded:
    """Run the bot, perhaps with other settings, until the end of the body; it must leave nothing behind.

    It repeats calls without long pauses.
    """

    async def at_once(*arguments: object, **options: object) -> None:
        pass

    hurry(monkeypatch)
    monkeypatch.setattr(Glassbox, "before_identify_hook", at_once)
    monkeypatch.setattr(acknowledgement, "PAUSES", (0.0, 0.0, 0.0))
    for name, seconds in {"EDIT_SECONDS": 0.02, "LOOK_SECONDS": 0.01, "RETRY_SECONDS": 0.001}.items():
        monkeypatch.setattr(pending, name, seconds)

    @asynccontextmanager
    async def crowded(**changed: object) -> AsyncIterator[CrowdedDiscord]:
        discord = CrowdedDiscord()
        async with discord.serving():
            discord.take_the_place_of_discord(monkeypatch)
            known = {"discord_token": SecretStr(TOKEN), "message_content": True, **changed}
            run = Run(settings.model_copy(update=known))
            try:
                await discord.connected()
                await discord.until("PUT", "/commands")
                yield discord
                stop()
                await run.end()
            finally:
                run.task.cancel()
                await asyncio.gather(run.task, return_exceptions=True)
            await nothing_left()

    return crowded
