"""SQLAlchemy's engines for the databases that Glassbox knows."""

from __future__ import annotations

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

BUSY_SECONDS = 5.0
"""The longest that a statement waits for another process, a connection, or PostgreSQL's answer."""
CONNECTIONS = 5
"""The most connections of a process to PostgreSQL."""


def sqlite(path: str) -> AsyncEngine:
    """Return an engine for a file, or `:memory:`."""

    async def connect() -> aiosqlite.Connection:
        connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # Readers and a second process don't wait for writers. A crash of the machine may cost the last requests,
            # never the file.
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
            await connection.execute_fetchall("PRAGMA synchronous=NORMAL")
            # Deleted text is overwritten in the file.
            await connection.execute_fetchall("PRAGMA secure_delete=ON")
        except BaseException:
            await connection.close()
            raise
        return connection

    # One connection, which is one thread: SQLite lets only one write anyway, and those who wait for it in this process
    # wait in order, without polling.
    return create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=connect,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
    )


def postgresql(url: str) -> AsyncEngine:
    """Return an engine for a URL as asyncpg reads it: that of libpq."""
    import asyncpg

    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(
            url,
            timeout=BUSY_SECONDS,
            command_timeout=BUSY_SECONDS,
            server_settings={"application_name": "glassbox"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )
