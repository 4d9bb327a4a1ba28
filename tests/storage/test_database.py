"""Files of earlier versions, and how the tables are searched."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.errors import RequestForgotten
from bot.storage import RequestStore
from bot.storage.database import VERSION, connect
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest
from tests.storage.test_requests import REQUESTS, Clock

CHAT, WORK, PRIVATE, UNREADABLE = "request16", "request17", "request18", "request19"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that was written by version 0.1.0, with every kind of request."""
    path = tmp_path / "requests.sqlite3"
    script = Path(__file__).with_name("version_0_1_0.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA journal_mode=WAL; {script}")
    return path


def select(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


async def said(store: RequestStore, channel_id: int) -> list[str]:
    async with store.conversations.turn(channel_id) as turn:
        return [exchange.message for exchange in turn.history]


async def test_what_an_earlier_version_kept_is_found(old: Path) -> None:
    for _ in range(2):  # the second time it is a file of this version
        async with RequestStore.open(old, now=Clock()) as store:
            assert [await store.find(f"request{number}") for number in range(len(REQUESTS))] == REQUESTS
            asked = ChatRequest("swordfish", 2, "alice", (Exchange("alice", "sword", "sword"),))
            assert [await store.find(CHAT), await store.find(WORK)] == [asked, WorkRequest.of(asked, ((1, 2),))]
            assert [await said(store, channel_id) for channel_id in (1, 2, -2)] == [[], ["sword"], ["private"]]
    assert select(old, "PRAGMA user_version") == [(VERSION,)]
    assert select(old, "SELECT count(*) FROM requests WHERE channel_id IS NOT NULL") == [(4,)]


async def test_what_an_earlier_version_kept_is_deleted_with_its_conversation(old: Path) -> None:
    async with RequestStore.open(old, now=Clock()) as store:
        await store.conversations.forget(2)
        for identity in (CHAT, WORK, UNREADABLE):
            with pytest.raises(RequestForgotten):
                await store.find(identity)
        await store.find(PRIVATE)
        assert await said(store, -2) == ["private"]
        async with store.conversations.turn(2) as turn:
            assert turn.conversation == 2  # the earlier version's deletion had the number 1
    assert "sword" not in str(select(old, "SELECT * FROM requests") + select(old, "SELECT * FROM exchanges"))


async def test_requests_of_a_chat_that_cannot_be_read_go(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        broken = ('{"message": "x"}', '{"task": "chat", "content": "{"}', '{"task": "chat"}', "[]", "{")
        for number, content in enumerate(broken):
            kind = "work" if "task" in content else "chat"
            values = (f"broken{number}", 7, kind, content, Clock().now)
            connection.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?)", values)
    async with RequestStore.open(old, now=Clock()):
        pass
    assert select(old, "SELECT id FROM requests WHERE id LIKE 'broken%'") == []
    assert len(select(old, "SELECT id FROM requests")) == len(REQUESTS) + 3


async def test_several_processes_may_open_an_earlier_file_at_once(old: Path) -> None:
    connections = await asyncio.gather(*(connect(old) for _ in range(5)))
    for connection in connections:
        [[count]] = await connection.execute_fetchall("SELECT count(*) FROM requests WHERE channel_id = 2")
        assert count == 2
        await connection.close()


async def test_an_upgrade_that_fails_leaves_the_file_as_it_was(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("ALTER TABLE deletions RENAME COLUMN place TO elsewhere")
    before = select(old, "SELECT * FROM requests")
    async with RequestStore.open(old, now=Clock()) as store:
        with pytest.raises(RequestForgotten):
            await store.find(CHAT)
    assert "requests cannot be kept beyond a restart: OperationalError" in caplog.text
    assert select(old, "SELECT * FROM requests") == before
    assert select(old, "PRAGMA user_version") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("DELETE FROM requests WHERE channel_id = 1", "requests_by_channel"),
        ("DELETE FROM requests WHERE created < 1", "requests_by_age"),
        ("DELETE FROM exchanges WHERE channel_id = 1", "exchanges_by_channel"),
        ("SELECT 1 FROM deletions WHERE channel_id = 1 AND number > 1", "deletions_by_channel"),
    ],
)
async def test_nobody_waits_for_a_search_through_a_whole_table(statement: str, index: str) -> None:
    connection = await connect(None)
    plan = await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {statement}")
    await connection.close()
    assert f"INDEX {index} " in " ".join(str(row[-1]) for row in plan)
