"""The SQLite file: its tables, and the upgrade of files of earlier versions."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import aiosqlite

from bot.errors import describe

log = logging.getLogger(__name__)

BUSY_SECONDS, UPGRADE_SECONDS = 5, 300
"""How long a statement waits for another process: usually, and while that upgrades the tables."""
VERSION = 1
"""Of the tables, kept as `user_version`. Files of the first releases have 0."""

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS requests (
        id TEXT PRIMARY KEY,
        person INTEGER NOT NULL,  -- whose request it is, by Discord's id
        kind TEXT NOT NULL,       -- the task's name
        content TEXT NOT NULL,    -- the request's fields, in JSON
        created REAL NOT NULL,    -- in seconds since 1970
        channel_id INTEGER        -- of the conversation that it repeats something of (see ChatRequest), or NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS exchanges (
        number INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,  -- by Discord, or of a person (see ChatRequest)
        person INTEGER NOT NULL,      -- the one who spoke, by Discord's id
        speaker TEXT NOT NULL,        -- their name
        message TEXT NOT NULL,
        answer TEXT NOT NULL,
        created REAL NOT NULL         -- in seconds since 1970
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS deletions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
        channel_id INTEGER NOT NULL,
        created REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS requests_by_age ON requests (created)",
    "CREATE INDEX IF NOT EXISTS requests_by_channel ON requests (channel_id) WHERE channel_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS exchanges_by_channel ON exchanges (channel_id, number)",
    "CREATE INDEX IF NOT EXISTS exchanges_by_age ON exchanges (created)",
    "CREATE INDEX IF NOT EXISTS deletions_by_channel ON deletions (channel_id, number)",
    "CREATE INDEX IF NOT EXISTS deletions_by_age ON deletions (created)",
)

# Version 0 found the requests of a conversation by their JSON, in which the channel was called `place`. Quotes within
# messages are escaped there, so `"place":` is always that key. Requests of `/chat` that can't be read are deleted: they
# don't say which channel they belong to, so no deletion would reach them.
_FROM_VERSION_0 = (
    "ALTER TABLE requests ADD COLUMN channel_id INTEGER",
    "DELETE FROM requests WHERE kind IN ('chat', 'work') AND NOT json_valid(content)",
    """
    UPDATE requests SET
        channel_id = json_extract(content, '$.place'),
        content = replace(content, '"place":', '"channel_id":')
    WHERE kind = 'chat'
    """,
    """
    UPDATE requests SET
        channel_id = json_extract(json_extract(content, '$.content'), '$.place'),
        content = json_set(content, '$.content',
            replace(json_extract(content, '$.content'), '"place":', '"channel_id":'))
    WHERE kind = 'work' AND json_extract(content, '$.task') = 'chat' AND json_valid(json_extract(content, '$.content'))
    """,
    """
    DELETE FROM requests WHERE channel_id IS NULL
        AND (kind = 'chat' OR kind = 'work' AND json_extract(content, '$.task') = 'chat')
    """,
)
_RENAMED = {
    "exchanges": ("ALTER TABLE exchanges RENAME COLUMN place TO channel_id", "DROP INDEX IF EXISTS exchanges_by_place"),
    "deletions": ("ALTER TABLE deletions RENAME COLUMN place TO channel_id", "DROP INDEX IF EXISTS deletions_by_place"),
}

# The requests behind buttons repeat what was said, so they go in the same statement, and nobody sees half a deletion.
_TRIGGER = """
CREATE TEMPORARY TRIGGER forget AFTER INSERT ON deletions BEGIN
    DELETE FROM exchanges WHERE channel_id = NEW.channel_id;
    DELETE FROM requests WHERE channel_id = NEW.channel_id;
END
"""


async def connect(path: Path | None) -> aiosqlite.Connection:
    """Open a database with the tables in a file; in memory if the path is None or (logged) the file can't be used."""
    if path is not None:
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            return await _prepared(str(path))
        except (sqlite3.Error, OSError) as error:
            log.warning("requests cannot be kept beyond a restart: %s", describe(error))
    return await _prepared(":memory:")


async def run(connection: aiosqlite.Connection, statement: str, *values: float | str | None) -> None:
    """Run a statement without results."""
    async with connection.execute(statement, values):
        pass


async def _prepared(path: str) -> aiosqlite.Connection:
    # Autocommit, because coroutines share the connection: a transaction would hold statements of several.
    connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Readers and a second process don't wait for writers. A crash may cost the last requests, never the file.
        await connection.execute_fetchall("PRAGMA journal_mode=WAL")
        await connection.execute_fetchall("PRAGMA synchronous=NORMAL")
        # Deleted text is overwritten in the file.
        await connection.execute_fetchall("PRAGMA secure_delete=ON")
        if await _version(connection) < VERSION:
            await _upgrade(connection)
        await connection.execute_fetchall(_TRIGGER)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _version(connection: aiosqlite.Connection) -> int:
    [[version]] = await connection.execute_fetchall("PRAGMA user_version")
    return int(version)


async def _upgrade(connection: aiosqlite.Connection) -> None:
    """Make the tables, or change those of an earlier version. A failure leaves the file as it was."""
    # Another process may be upgrading the same file, which takes a minute for a gigabyte.
    await connection.execute_fetchall(f"PRAGMA busy_timeout={UPGRADE_SECONDS * 1_000}")
    await connection.execute_fetchall("BEGIN IMMEDIATE")
    if await _version(connection) < VERSION:  # no other process has done it meanwhile
        found = await connection.execute_fetchall("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = {name for [name] in found}
        statements = [*_FROM_VERSION_0] if "requests" in tables else []
        statements += [statement for table, renamed in _RENAMED.items() if table in tables for statement in renamed]
        for statement in (*statements, *_TABLES, f"PRAGMA user_version={VERSION}"):
            await connection.execute_fetchall(statement)
    await connection.execute_fetchall("COMMIT")
    await connection.execute_fetchall(f"PRAGMA busy_timeout={BUSY_SECONDS * 1_000}")
