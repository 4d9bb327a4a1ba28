"""What is too old goes by itself."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.storage import RequestStore
from bot.storage import expiry as module
from bot.storage.expiry import EVERY, JITTER, Expiry
from bot.storage.retention import KEPT_SECONDS
from bot.storage.tables import DELETIONS, EXCHANGES, REQUESTS
from bot.tasks.generate import GenerateRequest
from tests.storage.conftest import Place
from tests.storage.test_conversations import HERE, THERE, say
from tests.storage.test_requests import Clock
from tests.timers import PATIENCE, turns

TABLES = (REQUESTS, EXCHANGES, DELETIONS)


async def fill(store: RequestStore, number: int) -> None:
    """Keep a row in every table."""
    await store.keep(GenerateRequest(f"prompt {number}"), person=number)
    await say(store.conversations, number, HERE + number)
    await store.conversations.forget(THERE)


async def test_deletes_what_is_too_old_and_nothing_else(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await fill(store, 1)
        clock.now += 1
        await fill(store, 2)
        clock.now += KEPT_SECONDS - 1
        await store.expiry.expire()
        assert [len(await place.rows(table)) for table in TABLES] == [2, 2, 2]

        clock.now += 0.5
        await store.expiry.expire()
        assert [len(await place.rows(table)) for table in TABLES] == [1, 1, 1]
        assert [row[1] for row in await place.rows(REQUESTS)] == [2]
        assert [row[2] for row in await place.rows(EXCHANGES)] == [7]


async def test_a_few_rows_at_once_until_all_are_gone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    clock = Clock()
    async with place.open(now=clock) as store:
        for number in range(10):
            await store.keep(GenerateRequest("Once"), person=number)
        clock.now += KEPT_SECONDS + 1
        await store.expiry.expire()
        assert await place.rows(REQUESTS) == []


async def test_several_processes_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    clock = Clock()
    async with place.open(now=clock) as one, place.open(now=clock) as other:
        for number in range(20):
            await fill(one, number)
        clock.now += KEPT_SECONDS + 1
        new = await one.keep(GenerateRequest("new"), person=1)
        await asyncio.gather(*(store.expiry.expire() for store in (one, other, one, other)))
        assert [row[0] for row in await place.rows(REQUESTS)] == [new]
        assert await place.rows(EXCHANGES) == await place.rows(DELETIONS) == []


async def test_numbers_of_deletions_are_not_used_again(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await store.conversations.forget(HERE)
        clock.now += KEPT_SECONDS + 1
        await store.expiry.expire()
        assert await place.rows(DELETIONS) == []
        await store.conversations.forget(HERE)
        async with store.conversations.turn(HERE) as turn:
            assert turn.conversation == 2


async def test_a_database_that_breaks_is_tried_again_later(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with place.open() as store:
        await place.change("DROP TABLE exchanges")
        await store.expiry.expire()
    assert "what is too old cannot be deleted: " in caplog.text


async def test_about_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = asyncio.Queue[None]()

    async def expire(self: Expiry) -> None:
        runs.put_nowait(None)

    monkeypatch.setattr(Expiry, "expire", expire)
    async with RequestStore.open(None) as store:
        store.expiry.start()
        async with asyncio.timeout(PATIENCE):
            await runs.get()  # at once, for a bot that is started every day
            await turns(20)
            assert runs.empty()
            store.expiry.start()  # a bot that is restarted on the same store
            await runs.get()
            await turns(20)
        loop = store.expiry._loop
        store.expiry.stop()
    shortest, longest = EVERY * (1 - JITTER), EVERY * (1 + JITTER)
    assert timedelta(minutes=40) < shortest < longest < timedelta(minutes=80)
    assert loop is not None
    assert loop.seconds is not None
    assert shortest.total_seconds() <= loop.seconds <= longest.total_seconds()


async def test_stopping_waits_for_nothing(place: Place) -> None:
    async with place.open() as store:
        store.expiry.start()
        store.expiry.stop()
        await store.database.run(text("DELETE FROM requests"))
