"""The settings of servers: kept, changed by several processes, and read though they were written by another version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import discord
import pytest

from bot.errors import SettingsUnknown
from bot.servers import directory
from bot.servers.directory import Servers
from bot.servers.gate import Access
from bot.servers.settings import ServerSettings
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.chat import ChatSettings
from bot.storage.database import FAILURES
from bot.storage.opt_outs import ReadAlong
from bot.storage.server_settings import ServerSettingsTable
from tests.storage.conftest import Place
from tests.timers import PATIENCE

SERVER, OTHER = 10, 11


def with_prompt(text: str) -> Callable[[ServerSettings], ServerSettings]:
    """Return the change that sets the system prompt."""
    return lambda now: now.model_copy(update={"chat": now.chat.model_copy(update={"system_prompt": text})})


async def test_what_a_server_sets_outlives_the_process(place: Place) -> None:
    async with place.open() as store:
        servers = Servers(store.server_settings)
        assert await servers.settings(SERVER) == ServerSettings()
        changed = await servers.change(SERVER, with_prompt("Be brief."))
        assert changed.chat == ChatSettings(system_prompt="Be brief.")
        assert await servers.settings(SERVER) == changed
    async with place.open() as store:
        servers = Servers(store.server_settings)
        assert await servers.settings(SERVER) == changed
        assert await servers.settings(OTHER) == await servers.settings(None) == ServerSettings()


async def test_changes_of_two_processes_at_once_are_both_kept(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        first, second = Servers(one.server_settings), Servers(other.server_settings)
        await first.change(SERVER, with_prompt(""))

        def one_more(now: ServerSettings) -> ServerSettings:
            return with_prompt(now.chat.system_prompt + ".")(now)

        await asyncio.gather(*(servers.change(SERVER, one_more) for servers in (first, second) for _ in range(20)))
        read = await Servers(one.server_settings).settings(SERVER)
        assert read.chat.system_prompt == "." * 40


async def test_a_document_of_a_newer_version_can_be_read(place: Place) -> None:
    async with place.open() as store:
        await store.server_settings.change(
            SERVER, lambda _: ('{"chat": {"threads": true, "new": 1}, "more": {}}', None)
        )
        assert (await Servers(store.server_settings).settings(SERVER)).chat.threads


async def test_people_opt_out_and_in_again(place: Place) -> None:
    async with place.open() as store:
        for _ in range(2):
            await store.opt_outs.set(1, ReadAlong.MOODS, True)
        await store.opt_outs.set(2, ReadAlong.CHAT, True)
        assert await store.opt_outs.among([1, 2, 3, *range(100, 40_000)], ReadAlong.MOODS) == {1}
        assert await store.opt_outs.of(1) == {ReadAlong.MOODS}
        await store.opt_outs.set(1, ReadAlong.MOODS, False)
        assert await store.opt_outs.of(1) == frozenset()


def document(content: str, _: str | None) -> tuple[str, float | None]:
    """Replace a document by another one."""
    return content, None


def with_private(private: bool) -> Callable[[ServerSettings], ServerSettings]:
    """Return the change that sets whether answers are private."""
    return lambda now: now.model_copy(update={"answers": AnswerSettings(private=private)})


async def test_a_change_reaches_the_other_process(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        here, there = Servers(one.server_settings), Servers(other.server_settings, seconds=0.05)
        assert not (await there.settings(SERVER)).answers.private
        await here.change(SERVER, with_private(True))
        async with asyncio.timeout(PATIENCE):
            while not (await there.settings(SERVER)).answers.private:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


class CountingTable:
    """The table, with a count of reads, which may be held or fail."""

    def __init__(self, table: ServerSettingsTable) -> None:
        self._table = table
        self.reads = 0
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.error: Exception | None = None

    async def find(self, guild_id: int) -> tuple[str, int] | None:
        self.reads += 1
        found = await self._table.find(guild_id)
        await self.may_read.wait()
        if self.error is not None:
            raise self.error
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


async def test_many_who_ask_at_once_cost_one_read(sqlite: Place) -> None:
    async with sqlite.open() as store:
        table: Any = CountingTable(store.server_settings)
        servers = Servers(table)
        await asyncio.gather(*(servers.certain(SERVER) for _ in range(500)))
        assert table.reads == 1
        await servers.settings(OTHER)
        assert table.reads == 2


async def test_a_read_that_a_change_overtakes_does_not_undo_it(sqlite: Place) -> None:
    async with sqlite.open() as store:
        table: Any = CountingTable(store.server_settings)
        servers = Servers(table)
        await servers.load()
        table.may_read.clear()
        reading = asyncio.create_task(servers.certain(SERVER))
        async with asyncio.timeout(PATIENCE):
            while not table.reads:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await servers.change(SERVER, with_private(True))
        table.may_read.set()
        assert (await reading).answers.private
        assert (await servers.settings(SERVER)).answers.private
        # Only its caches, which are bounded, remember servers.
        assert not [one for one in vars(servers).values() if isinstance(one, dict | set) and one]


async def test_if_the_database_fails_the_last_settings_hold(place: Place) -> None:
    async with place.open() as store:
        await Servers(store.server_settings).change(SERVER, with_private(True))
        servers = Servers(store.server_settings, seconds=0)
        await servers.load()
        await place.change("ALTER TABLE server_settings RENAME TO gone")
        assert (await servers.certain(SERVER)).answers.private
        # A server that had set nothing when this process started.
        assert await servers.certain(OTHER) == ServerSettings()
        with pytest.raises(FAILURES):
            await servers.change(SERVER, with_private(False))
        assert (await servers.certain(SERVER)).answers.private
        await place.change("ALTER TABLE gone RENAME TO server_settings")
        assert (await servers.change(SERVER, with_private(False))).answers.private is False
        assert not (await servers.certain(SERVER)).answers.private


async def test_a_slow_database_is_not_waited_for(sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "PATIENCE_SECONDS", 0.01)
    async with sqlite.open() as store:
        table: Any = CountingTable(store.server_settings)
        servers = Servers(table, seconds=0)
        await servers.change(SERVER, with_private(True))
        table.may_read.clear()
        assert (await servers.certain(SERVER)).answers.private
        table.may_read.set()


async def test_what_was_never_known_is_not_taken_for_nothing(place: Place) -> None:
    async with place.open() as store:
        await place.change("ALTER TABLE server_settings RENAME TO gone")
        servers = Servers(store.server_settings)
        await servers.load()
        with pytest.raises(SettingsUnknown):
            await servers.certain(SERVER)
        assert await servers.settings(SERVER) == await servers.certain(None) == ServerSettings()
        access = Access(servers)
        guild = discord.Object(SERVER)
        assert not await access.allows_in("chat", guild, discord.Object(3), discord.Object(4))
        assert await access.allows_in("settings", guild, discord.Object(3), discord.Object(4))
        assert await access.allows_in("chat", None, discord.Object(3), discord.Object(4))
        await place.change("ALTER TABLE gone RENAME TO server_settings")
        assert await access.allows_in("chat", guild, discord.Object(3), discord.Object(4))


async def test_of_more_servers_than_fit_those_that_were_read_are_known(place: Place) -> None:
    async with place.open() as store:
        for guild_id in range(1, 5):
            await store.server_settings.change(guild_id, lambda _: ("{}", None))
        servers = Servers(store.server_settings)
        await servers.load(most=3)
        await place.change("DROP TABLE server_settings")
        assert await servers.certain(3) == ServerSettings()
        with pytest.raises(SettingsUnknown):
            await servers.certain(4)


async def test_a_topic_that_cannot_be_read_has_its_defaults_unless_it_says_what_is_prohibited(place: Place) -> None:
    async with place.open() as store:
        servers = Servers(store.server_settings)
        content = '{"answers": {"private": true}, "retention": {"days": 900}, "quotas": 3}'
        await store.server_settings.change(SERVER, lambda _: (content, None))
        assert await servers.certain(SERVER) == ServerSettings(answers=AnswerSettings(private=True))
        for unreadable in ('{"access": {"rules": [{"feature": "chat"}]}}', "{", '{"access": 1, "chat": 2}'):
            await store.server_settings.change(OTHER, partial(document, unreadable))
            with pytest.raises(SettingsUnknown):
                await Servers(store.server_settings).certain(OTHER)
            with pytest.raises(SettingsUnknown):
                await servers.change(OTHER, with_private(True))
            found = await store.server_settings.find(OTHER)
            assert found is not None
            assert found[0] == unreadable
