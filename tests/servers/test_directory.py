"""The settings of servers: kept, changed by several processes, and read though they were written by another version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.servers.directory import Servers
from bot.servers.settings import ServerSettings
from bot.servers.topics.chat import ChatSettings
from bot.storage.opt_outs import ReadAlong
from tests.storage.conftest import Place

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
