from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import discord
import pytest
import simcord
from discord import app_commands
from sqlalchemy import text

from bot.client import (
    FORBIDDEN,
    OUTDATED,
    Glassbox,
    cog_names,
    sentence_for,
)
from bot.errors import QueueFull
from bot.inference.worker import InferenceWorker
from bot.replies.components.press import Component
from bot.servers.needs import MENUS as NEEDS_OF_MENUS
from bot.storage import RequestStore
from tests.support import COMMANDS

SECRET = "swordfish"


@pytest.fixture
async def env(make_worker: Callable[..., AbstractAsyncContextManager[InferenceWorker]]) -> AsyncIterator[Any]:
    """A simulated Discord with the bot connected, and nothing synced."""
    async with make_worker() as worker, RequestStore.open(None) as store:
        # Not `simcord.run`: its context variables cannot be reset from a fixture.
        env = simcord.Env(Glassbox(worker, store, shard_count=1), strict_sync=False)
        await env.start()
        yield env
        await env.shutdown()
        if not env._errors_acknowledged:
            env.raise_errors()


def puts(env: Any) -> int:
    return sum(request.method == "PUT" for request in env.http_requests)


def registered(env: Any) -> set[str]:
    return {command["name"] for command in env.backend.commands.get(None, {}).values()}


MENUS = frozenset(NEEDS_OF_MENUS)


class TestSync:
    async def test_only_once(self, env: Any) -> None:
        assert await env.bot.sync_if_changed()
        assert registered(env) == COMMANDS | MENUS

        assert not await env.bot.sync_if_changed()
        assert puts(env) == 1

    async def test_again_when_a_command_changed(self, env: Any) -> None:
        await env.bot.sync_if_changed()
        env.bot.tree.get_command("fill").description = "Something else"

        assert await env.bot.sync_if_changed()

    async def test_again_when_discord_has_others(self, env: Any) -> None:
        await env.bot.sync_if_changed()
        env.backend.commands[None].popitem()

        assert await env.bot.sync_if_changed()
        assert registered(env) == COMMANDS | MENUS

    async def test_a_database_that_fails(self, env: Any, caplog: pytest.LogCaptureFixture) -> None:
        await env.bot._store.database.run(text("DROP TABLE registered_commands"))

        assert await env.bot.sync_if_changed()
        assert await env.bot.sync_if_changed()
        assert "cannot be kept" in caplog.text

    async def test_discord_refuses(self, env: Any) -> None:
        env.inject_error("PUT", "/applications/*/commands", status=500)

        with pytest.raises(discord.HTTPException):
            await env.bot.sync_if_changed()
        assert await env.bot.sync_if_changed()


class TestClient:
    async def test_asks_for_no_more_than_it_needs(self, env: Any) -> None:
        unprivileged = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, guild_reactions=True)
        assert env.bot.intents == unprivileged
        assert env.bot.allowed_mentions.to_dict() == discord.AllowedMentions.none().to_dict()
        assert env.bot.help_command is None
        assert not env.bot.commands

    async def test_invite_links(self, env: Any) -> None:
        server, account = env.bot.invite_links().values()

        assert f"client_id={env.bot.application_id}" in server
        assert "scope=bot+applications.commands" in server
        assert "integration_type=0" in server
        assert "permissions=309237763072" in server
        assert "scope=applications.commands" in account
        assert "integration_type=1" in account
        assert "permissions" not in account

    async def test_a_cog_can_be_removed(self, env: Any, caplog: pytest.LogCaptureFixture) -> None:
        await env.bot.tree.sync()
        guild = env.create_guild()
        channel = guild.create_text_channel("general")
        alice = guild.add_member(env.create_user("alice"))

        await env.bot.remove_cog("Fill")
        result = await alice.slash(channel, "fill", text="a ___")

        assert env.bot.tree.get_command("fill") is None
        assert env.bot.tree.get_command("sentiment") is not None
        assert result.ephemeral
        assert result.response.content == str(OUTDATED)
        assert len(env.errors) == 1

    async def test_an_event_that_fails_is_logged_by_its_kind(self, env: Any, caplog: pytest.LogCaptureFixture) -> None:
        async def on_guild_update(before: discord.Guild, after: discord.Guild) -> None:
            raise RuntimeError(SECRET)

        env.bot.add_listener(on_guild_update)
        env.bot.dispatch("guild_update", None, None)
        await env.settle()

        assert len(env.errors) == 1
        assert "on_guild_update failed: RuntimeError at test_client.py" in caplog.text
        assert SECRET not in caplog.text

    async def test_a_view_that_fails_is_logged_by_its_kind(self, env: Any, caplog: pytest.LogCaptureFixture) -> None:
        view = discord.ui.View()
        item: Any = discord.ui.Button()
        interaction: Any = None
        try:
            raise RuntimeError(SECRET)
        except RuntimeError as error:
            await view.on_error(interaction, error, item)

        assert "RuntimeError at test_client.py" in caplog.text
        assert SECRET not in caplog.text


def test_cogs_are_found_by_name() -> None:
    names = {name.replace("-", "_") for name in COMMANDS} | {
        "flag_reactions",
        "mentions",
        "message_menus",
        "other_token",
    }
    assert cog_names() == sorted(f"cogs.{name}" for name in names)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (QueueFull(3), QueueFull(3).sentence),
        (app_commands.CommandNotFound("x", []), str(OUTDATED)),
        (app_commands.CheckFailure(SECRET), str(FORBIDDEN)),
        (app_commands.NoPrivateMessage(SECRET), str(FORBIDDEN)),
        (
            app_commands.CommandOnCooldown(app_commands.Cooldown(1, 60), 7.2),
            "Please wait 8 seconds before you use this command again.",
        ),
        (RuntimeError(SECRET), None),
    ],
)
def test_sentences(error: Exception, sentence: str | None) -> None:
    assert sentence_for(error) == sentence


async def test_every_button_and_menu_is_waited_for_at_a_stop(env: Any) -> None:
    """Item 24: what is `Component` is (see `PendingInteractions`)."""
    items = list(env.bot._connection._view_store._dynamic_items.values())

    assert len(items) > 6
    assert all(issubclass(item, Component) for item in items)
