"""Which database the store opens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from bot.errors import describe
from bot.storage.database import FAILURES, Database
from bot.storage.encryption import Cipher, use_cipher
from bot.storage.sqlite import MEMORY, SQLiteDatabase

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_database(
    path: Path | None, url: str | None = None, cipher: Cipher | None = None
) -> AsyncIterator[Database]:
    """Open a PostgreSQL database if there is a URL, else a SQLite file.

    It is in memory if there is neither, or (logged) if the file can't be used.

    Args:
        cipher: for people's texts; None leaves them as they are.

    Raises:
        SettingsError: the PostgreSQL database can't be used.
    """
    database = await _opened(path, url)
    use_cipher(database.events, cipher or Cipher())
    try:
        yield database
    finally:
        await database.close()


async def _opened(path: Path | None, url: str | None) -> Database:
    if url is None and path is None:
        return await _upgraded(SQLiteDatabase(MEMORY))
    try:
        return await open_there(path, url)
    except FAILURES as error:
        log.warning("requests cannot be kept beyond a restart: %s", describe(error))
    return await _upgraded(SQLiteDatabase(MEMORY))


async def open_there(path: Path | None, url: str | None = None) -> Database:
    """Open a database at a URL or in a file, and nowhere else; the caller closes it.

    Raises:
        SettingsError: the PostgreSQL database can't be used.
        FAILURES: the file can't be used.
    """
    if url is not None:
        from bot.storage.postgresql import PostgreSQLDatabase, check

        await check(url)
        return await _upgraded(PostgreSQLDatabase(url))
    assert path is not None
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    return await _upgraded(SQLiteDatabase(str(path)))


async def _upgraded(database: Database) -> Database:
    try:
        await database.upgrade()
    except BaseException:
        await database.close()
        raise
    return database
