"""The tables: those of earlier versions, how they are searched, and that migrations make what the code describes."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from bot.errors import RequestForgotten
from bot.storage import RequestStore
from bot.storage.opening import open_database
from bot.storage.tables import METADATA
from bot.storage.upgrading import read_migrations
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.guess import GuessRequest
from bot.tasks.work.request import WorkRequest
from tests.storage.conftest import Place
from tests.storage.test_requests import REQUESTS, Clock

CHAT, WORK, PRIVATE, UNREADABLE = "request16", "request17", "request18", "request19"
EARLIER = [one for one in REQUESTS if not isinstance(one, GuessRequest)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that was written by version 0.1.0, with every kind of request that it knew."""
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
            assert [await store.find(f"request{number}") for number in range(len(EARLIER))] == EARLIER
            asked = ChatRequest("swordfish", 2, "alice", (Exchange("alice", "sword", "sword"),))
            assert [await store.find(CHAT), await store.find(WORK)] == [asked, WorkRequest.of(asked, ((1, 2),))]
            assert [await said(store, channel_id) for channel_id in (1, 2, -2)] == [[], ["sword"], ["private"]]
    assert select(old, "PRAGMA user_version") == [(1,)]
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
    assert len(select(old, "SELECT id FROM requests")) == len(EARLIER) + 3


async def test_several_processes_may_open_an_earlier_file_at_once(old: Path) -> None:
    async def count() -> int:
        async with open_database(old) as database:
            [[number]] = await database.rows(text("SELECT count(*) FROM requests WHERE channel_id = 2"))
            return int(number)

    assert await asyncio.gather(*(count() for _ in range(5))) == [2] * 5
    assert select(old, "SELECT count(*) FROM alembic_version") == [(1,)]


async def test_several_processes_may_open_a_new_database_at_once(place: Place) -> None:
    async def version() -> str:
        async with place.open() as store:
            [[version]] = await store.database.rows(text("SELECT version_num FROM alembic_version"))
            return str(version)

    newest = (await asyncio.to_thread(read_migrations)).get_current_head()
    assert await asyncio.gather(*(version() for _ in range(5))) == [newest] * 5


async def test_a_file_of_the_version_before_loses_nothing(tmp_path: Path) -> None:
    """Made by the statements of that version, whose tables had other types' names."""
    path = tmp_path / "requests.sqlite3"
    script = Path(__file__).with_name("user_version_1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA journal_mode=WAL; {script}")
    tables = ("requests", "exchanges", "deletions")
    before = [select(path, f"SELECT * FROM {table}") for table in tables]

    async with RequestStore.open(path, now=Clock()) as store:
        asked = ChatRequest("swordfish", 2, "alice", (Exchange("alice", "sword", "sword"),), conversation=1)
        assert [await store.find(CHAT), await store.find(WORK)] == [asked, WorkRequest.of(asked, ((1, 2),))]
        assert [await said(store, channel_id) for channel_id in (1, 2, -2)] == [[], ["sword"], ["private"]]
        # Later versions have added columns at the end.
        after = [select(path, f"SELECT * FROM {table}") for table in tables]
        assert [
            [new[: len(old)] for new, old in zip(*rows, strict=True)] for rows in zip(after, before, strict=True)
        ] == before
        await store.conversations.forget(2)
        async with store.conversations.turn(2) as turn:
            assert turn.conversation == 8  # the earlier version's last number was 7, though that row is gone
    assert "sword" not in str([select(path, f"SELECT * FROM {table}") for table in tables])


async def test_the_tables_are_those_that_the_code_describes(place: Place) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    async with place.open() as store:
        assert await store.database.connected(differences) == []


async def test_a_database_of_a_newer_version_is_used_as_it_is(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The old processes of a rolling restart may start once more."""
    async with place.open() as store:
        identity = await store.keep(REQUESTS[0], person=7)
    await place.change("UPDATE alembic_version SET version_num = '9999'")
    async with place.open() as store:
        assert await store.find(identity) == REQUESTS[0]
    assert "the database is of a newer version" in caplog.text


async def test_two_databases_may_be_upgraded_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sqlite3" for number in range(4)]

    async def make(path: Path) -> None:
        async with open_database(path):
            pass

    await asyncio.gather(*map(make, paths))
    for path in paths:
        assert len(select(path, "SELECT name FROM sqlite_schema WHERE name = 'requests'")) == 1


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
    async with open_database(None) as database:
        plan = await database.rows(text(f"EXPLAIN QUERY PLAN {statement}"))
    assert f"INDEX {index} " in " ".join(str(row[-1]) for row in plan)


async def test_deleted_text_is_overwritten_in_the_file(sqlite: Place) -> None:
    async with sqlite.open() as store:
        await store.keep(ChatRequest("swordfish", 2, "alice"), person=7)
        await store.conversations.forget(2)
        await store.database.run(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        assert b"swordfish" not in await asyncio.to_thread(sqlite.path.read_bytes)


class TestTransactions:
    async def test_what_raises_has_done_nothing(self, place: Place) -> None:
        def work(connection: Connection) -> None:
            connection.execute(text("INSERT INTO deletions (channel_id, created) VALUES (1, 1)"))
            raise KeyError

        async with place.open() as store:
            with pytest.raises(KeyError):
                await store.database.transaction(work)
            assert await store.database.rows(text("SELECT * FROM deletions")) == []
            await store.conversations.forget(1)  # the connection is as good as before
            assert len(await store.database.rows(text("SELECT * FROM deletions"))) == 1

    async def test_a_statement_ends_even_if_nobody_waits_any_more(self, place: Place) -> None:
        async with place.open() as store:
            forgetting = asyncio.create_task(store.conversations.forget(1))
            await asyncio.sleep(0)
            forgetting.cancel()
            await asyncio.wait([forgetting])
        assert forgetting.cancelled()
        async with place.open() as store:
            assert len(await store.database.rows(text("SELECT * FROM deletions"))) == 1
