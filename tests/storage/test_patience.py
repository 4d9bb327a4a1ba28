"""A database that is locked by another process: nobody's answer waits for it, and what is read is there."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from sqlalchemy import text

from bot.errors import Unanswered
from bot.operating.database import tell_failures
from bot.storage import RequestStore, sqlite
from bot.storage.patience import Patience
from bot.tasks.chat import ChatRequest
from bot.tasks.generate import GenerateRequest
from tests.storage.conftest import Place
from tests.storage.locks import locked
from tests.storage.test_conversations import HERE, say
from tests.timers import FAR, PATIENCE, Timers, turns

WRITE = text("INSERT INTO opt_outs (person, what) VALUES (1, 'chat')")
READ = text("SELECT count(*) FROM opt_outs")
REQUEST = GenerateRequest("Once")


async def test_what_is_written_waits_and_what_is_read_does_not(sqlite: Place) -> None:
    async with sqlite.open() as store:
        with locked(sqlite.path):
            writing = asyncio.create_task(store.database.run(WRITE))
            forgetting = asyncio.create_task(store.database.transaction(lambda connection: connection.execute(WRITE)))
            for _ in range(10):
                assert [tuple(row) for row in await store.database.rows(READ)] == [(0,)]
            assert not writing.done()
            assert not forgetting.done()
            forgetting.cancel()
        assert await writing == 1


async def test_a_lock_that_does_not_end_is_told_once(sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.storage.sqlite.BUSY_SECONDS", 0.1)
    failed: list[str] = []
    async with sqlite.open() as store:
        tell_failures(store.database, failed.append)
        with locked(sqlite.path), pytest.raises(sqlite3.OperationalError):
            await store.database.run(WRITE)
        await store.database.run(WRITE)
    assert failed == ["Locked"]


async def test_nobody_waits_again_before_the_first_has_come_back(
    sqlite: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.sqlite.BUSY_SECONDS", PATIENCE)
    async with sqlite.open() as store:
        found = await store.keep(REQUEST, person=1)
        await say(store.conversations, 1, HERE)
        timers = Timers(monkeypatch)
        with locked(sqlite.path):
            first = asyncio.create_task(store.keep(REQUEST, person=1))
            await until_lost(store, timers)
            # No timer goes off any more: whoever waited now would wait for ever.
            assert await first == ""
            assert [await store.keep(REQUEST, person=person) for person in range(50)] == [""] * 50
            assert not await store.processes.unanswered.keep(1, 5, "{}", 1)
            async with store.conversations.turn(HERE) as turn:
                assert turn.history  # what is read is there
            assert await store.find(found) == REQUEST
        while store.database.patience.is_lost:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        kept = await store.keep(REQUEST, person=1)
        assert await store.find(kept) == REQUEST


async def test_a_bot_starts_while_the_file_is_locked(sqlite: Place) -> None:
    async with sqlite.open() as store:
        kept = await store.keep(REQUEST, person=1)
    with locked(sqlite.path):
        opened = sqlite.open()
        store = await opened.__aenter__()
        assert await store.find(kept) == REQUEST
    await opened.__aexit__(None, None, None)


async def until_lost(store: RequestStore, timers: Timers) -> None:
    await turns()
    assert not store.database.patience.is_lost
    await timers.skip(5)
    assert store.database.patience.is_lost


async def test_who_wants_something_forgotten_is_told_in_time(sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.storage.sqlite.BUSY_SECONDS", PATIENCE)
    async with sqlite.open() as store:
        await store.keep(ChatRequest("Hello", HERE, "alice"), person=1)
        timers = Timers(monkeypatch)
        with locked(sqlite.path):
            forgetting = asyncio.create_task(store.conversations.forget(HERE))
            await turns()
            await timers.skip(5)
            with pytest.raises(Unanswered, match="could not delete"):
                await forgetting
        await store.conversations.forget(HERE)


async def test_two_wait_at_once_and_both_may_have_waited_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    patience, timers = Patience(), Timers(monkeypatch)
    gate = asyncio.Event()

    async def work() -> int:
        await gate.wait()
        return 1

    waiting = [asyncio.create_task(patience.wait(work(), FAR / 2)) for _ in range(2)]
    await turns()
    await timers.skip()
    assert [type(one.exception()) for one in waiting] == [TimeoutError] * 2
    with pytest.raises(TimeoutError):
        await patience.wait(work())
    asked = asyncio.create_task(patience.wait(work(), anyway=True))
    await turns()
    gate.set()
    assert await asked == 1
    await turns()
    assert not patience.is_lost
    assert await patience.wait(work()) == 1


async def test_who_is_cancelled_leaves_the_work_behind() -> None:
    patience, gate = Patience(), asyncio.Event()

    async def fail() -> None:
        await gate.wait()
        raise OSError

    waiting = asyncio.create_task(patience.wait(fail(), FAR))
    await turns()
    waiting.cancel()
    await turns()
    assert patience.is_lost
    gate.set()
    await turns()
    assert not patience.is_lost


def test_other_errors_are_no_locks() -> None:
    assert not sqlite.is_lock(OSError())
    assert not sqlite.is_lock(None)
