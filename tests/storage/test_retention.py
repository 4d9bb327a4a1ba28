"""A server may want less to be kept, and what it has set goes when the bot has left it for long enough."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import RequestForgotten
from bot.servers.directory import Servers
from bot.servers.quotas import ServerQuotas
from bot.servers.topics.quotas import Quota, QuotaSettings
from bot.servers.topics.retention import DAY, RetentionSettings
from bot.storage import RequestStore
from bot.storage.retention import AFTER_LEAVING_SECONDS, forget_server
from bot.storage.tables import EXCHANGES, QUOTA_USES, REQUESTS, SERVER_SETTINGS
from bot.tasks.chat import Exchange
from bot.tasks.generate import GenerateRequest
from tests.servers.test_quotas import ALICE as MEMBER
from tests.storage.conftest import Place
from tests.storage.test_requests import Clock

SERVER, OTHER, ALICE, CHANNEL = 10, 11, 1, 100


async def keep_for(store: RequestStore, days: int | None, guild_id: int = SERVER) -> None:
    retention = RetentionSettings(days=days)
    await Servers(store.server_settings).change(guild_id, lambda now: now.model_copy(update={"retention": retention}))


async def say(store: RequestStore, guild_id: int) -> None:
    """Keep an exchange in a channel that has its server's number."""
    async with store.conversations.turn(CHANNEL + guild_id) as turn:
        exchange = Exchange("alice", "hello", "hi")
        await store.conversations.keep(turn, CHANNEL + guild_id, ALICE, exchange, guild_id=guild_id)


async def history(store: RequestStore, guild_id: int) -> int:
    async with store.conversations.turn(CHANNEL + guild_id) as turn:
        return len(turn.history)


async def is_found(store: RequestStore, identity: str) -> bool:
    try:
        await store.find(identity)
    except RequestForgotten:
        return False
    return True


async def test_a_shorter_time_holds_at_once_and_for_what_there_is(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        here, there, nowhere = [
            await store.keep(GenerateRequest("Once"), person=ALICE, guild_id=guild_id)
            for guild_id in (SERVER, OTHER, None)
        ]
        for guild_id in (SERVER, OTHER):
            await say(store, guild_id)
        clock.now += 3 * DAY
        assert [await is_found(store, one) for one in (here, there, nowhere)] == [True] * 3

        await keep_for(store, 2)
        # Hidden from now on, although it is still there.
        assert [await is_found(store, one) for one in (here, there, nowhere)] == [False, True, True]
        assert [await history(store, one) for one in (SERVER, OTHER)] == [0, 1]
        assert [len(await place.rows(table)) for table in (REQUESTS, EXCHANGES)] == [3, 2]

        fresh = await store.keep(GenerateRequest("Once"), person=ALICE, guild_id=SERVER)
        clock.now += DAY
        await store.expiry.expire()
        assert [len(await place.rows(table)) for table in (REQUESTS, EXCHANGES)] == [3, 1]
        assert [await is_found(store, one) for one in (here, there, nowhere, fresh)] == [False, True, True, True]


async def test_the_usual_time_holds_again(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await keep_for(store, 1)
        identity = await store.keep(GenerateRequest("Once"), person=ALICE, guild_id=SERVER)
        clock.now += 2 * DAY
        assert not await is_found(store, identity)
        await keep_for(store, None)
        assert await is_found(store, identity)


async def test_everything_of_a_server_goes_thirty_days_after_the_bot_left(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        servers = Servers(store.server_settings)
        quotas = QuotaSettings(everybody=Quota(answers=9))
        for guild_id in (SERVER, OTHER):
            await servers.change(guild_id, lambda now: now.model_copy(update={"quotas": quotas}))
            async with ServerQuotas(servers, store.quota_uses).use(guild_id, MEMBER):
                pass
        await servers.left(SERVER)
        clock.now += AFTER_LEAVING_SECONDS - 1
        for guild_id in (SERVER, OTHER):  # as answers may that were under way, or of people who have the bot themselves
            await store.keep(GenerateRequest("Once"), person=ALICE, guild_id=guild_id)
            await say(store, guild_id)
        await servers.left(SERVER)  # said again, it begins no new period
        await store.expiry.expire()
        tables = (SERVER_SETTINGS, QUOTA_USES, REQUESTS, EXCHANGES)
        assert [len(await place.rows(table)) for table in tables] == [2, 2, 2, 2]

        clock.now += 2
        await store.expiry.expire()
        assert [len(await place.rows(table)) for table in tables] == [1, 1, 1, 1]
        assert (await place.rows(SERVER_SETTINGS))[0][0] == OTHER
        assert await Servers(store.server_settings).settings(OTHER) != await servers.settings(None)


async def test_a_server_that_has_set_nothing_goes_too(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await store.server_settings.left(SERVER)
        assert await store.server_settings.find(SERVER) == ("{}", 0)
        clock.now += AFTER_LEAVING_SECONDS + 1
        await store.keep(GenerateRequest("Once"), person=ALICE, guild_id=SERVER)
        await store.expiry.expire()
        assert await place.rows(SERVER_SETTINGS) == await place.rows(REQUESTS) == []


@pytest.mark.parametrize("how", ["joined", "changed"])
async def test_a_server_that_comes_back_keeps_everything(place: Place, how: str) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        servers = Servers(store.server_settings)
        await keep_for(store, 5)
        await servers.left(SERVER)
        clock.now += AFTER_LEAVING_SECONDS + 1
        if how == "joined":
            await servers.joined(SERVER)
        else:
            await keep_for(store, 5)
        # Even if the process that deletes had seen it as gone just before.
        before = clock.now - AFTER_LEAVING_SECONDS
        await store.database.transaction(lambda connection: forget_server(connection, SERVER, before))
        await store.expiry.expire()
        assert (await servers.certain(SERVER)).retention.days == 5


async def test_several_processes_expire_at_once(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as one, place.open(now=clock) as other:
        for number in range(30):
            await one.keep(GenerateRequest("Once"), person=number, guild_id=SERVER + number % 3)
        for guild_id in range(SERVER, SERVER + 3):
            await keep_for(one, 1, guild_id)
            await one.server_settings.left(guild_id)
        clock.now += AFTER_LEAVING_SECONDS + 1
        await asyncio.gather(one.expiry.expire(), other.expiry.expire())
        assert await place.rows(REQUESTS) == await place.rows(SERVER_SETTINGS) == []
