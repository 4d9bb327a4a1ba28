"""Databases that can't be used, and what the operator reads about them."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.storage import RequestStore, postgresql
from bot.storage.opening import open_database
from bot.storage.postgresql import NO_DRIVER, NO_TABLES, REFUSED, UNREACHABLE, UNREADABLE

SECRET = "s3cret"


async def sentence_of(url: str) -> str:
    """Try a database, and return what the operator reads."""
    with pytest.raises(SettingsError) as caught:
        async with open_database(None, url):
            raise AssertionError
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert SECRET not in error.sentence
    return error.sentence


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """A server that is not PostgreSQL, on a port."""

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert await sentence_of(f"postgresql://alice:{SECRET}@127.0.0.1/database") == str(NO_DRIVER)


@pytest.mark.parametrize("address", ["127.0.0.1:port/database", "127.0.0.1:5432/database?sslmode=perhaps"])
async def test_a_url_that_cannot_be_read(address: str) -> None:
    assert await sentence_of(f"postgresql://alice:{SECRET}@{address}") == str(UNREADABLE)


async def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert await sentence_of(f"postgresql://alice:{SECRET}@127.0.0.1:{port}/database") == str(UNREACHABLE)
    assert await sentence_of(f"postgresql://alice:{SECRET}@/database?host={tmp_path}") == str(UNREACHABLE)


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
async def test_somebody_else_there(mode: str) -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert await sentence_of(f"postgresql://alice:{SECRET}@127.0.0.1:{port}/x?sslmode={mode}") == str(UNREACHABLE)


async def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "BUSY_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await sentence_of(f"postgresql://alice:{SECRET}@127.0.0.1:{server.getsockname()[1]}/x") == str(UNREACHABLE)


async def test_no_such_user_or_database(postgresql_url: str) -> None:
    assert await sentence_of(postgresql_url.replace("glassbox@", f"nobody:{SECRET}@")) == str(REFUSED)
    assert await sentence_of(postgresql_url.replace("/postgres?", f"/{SECRET}?")) == str(REFUSED)


async def test_a_user_who_may_not_create_tables(postgresql_url: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(postgresql_url)
    [schema] = re.findall("search_path=(.*)", postgresql_url)
    await connection.execute(f"CREATE ROLE {schema} LOGIN")
    try:
        assert await sentence_of(postgresql_url.replace("glassbox@", f"{schema}:{SECRET}@")) == str(NO_TABLES)
    finally:
        await connection.execute(f"DROP ROLE {schema}")
        await connection.close()


async def test_a_url_goes_before_a_path(tmp_path: Path, postgresql_url: str) -> None:
    async with RequestStore.open(tmp_path / "requests.sqlite3", postgresql_url) as store:
        assert store.database.dialect == "postgresql"
    assert not (tmp_path / "requests.sqlite3").exists()


async def test_connections_are_replaced_after_the_server_has_ended_them(postgresql_url: str) -> None:
    import asyncpg

    async with RequestStore.open(None, postgresql_url) as store:
        await store.conversations.forget(1)
        connection = await asyncpg.connect(postgresql_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'glassbox'"
        )
        await connection.close()
        await store.conversations.forget(2)
