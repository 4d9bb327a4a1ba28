"""A database in a SQLite file, or in memory."""

from __future__ import annotations

import sqlite3
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from bot.storage.calling_thread import CallingThread
from bot.storage.database import BUSY_SECONDS, UPGRADE_SECONDS, Database, Work
from bot.storage.tables import METADATA
from bot.storage.upgrading import read_migrations, upgrade

T = TypeVar("T")
MEMORY = ":memory:"


class SQLiteDatabase(Database):
    """One connection, on a thread of its own: SQLite lets only one write anyway.

    SQLAlchemy's asyncio extension would take several trips to a thread for each statement, and do its own work on the
    event loop. Here a statement or a transaction is one trip.

    Args:
        path: of the file, or `MEMORY`.
    """

    dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self._is_new = path == MEMORY
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: _connect(path),
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )
        self._thread = CallingThread("database")
        self._connection: Connection | None = None

    @property
    def events(self) -> Engine:
        return self._engine

    async def connected(self, work: Work[T]) -> T:
        return await self._thread.call(lambda: work(self._connect()))

    async def transaction(self, work: Work[T]) -> T:
        return await self._thread.call(lambda: self._transaction(work))

    async def upgrade(self) -> None:
        await self._thread.call(self._upgrade)

    async def close(self) -> None:
        await self._thread.call(self._close)
        self._thread.end()

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _transaction(self, work: Work[T]) -> T:
        connection = self._connect()
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with driver:  # commits, or rolls back
            return work(connection)

    def _upgrade(self) -> None:
        connection = self._connect()
        if self._is_new:  # nothing to upgrade, and nobody else
            METADATA.create_all(connection, checkfirst=False)
            return
        migrations = read_migrations()
        # Another process may be upgrading the same file.
        connection.exec_driver_sql(f"PRAGMA busy_timeout={UPGRADE_SECONDS * 1_000:.0f}")
        self._transaction(lambda connection: upgrade(connection, migrations))
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_SECONDS * 1_000:.0f}")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Readers and a second process don't wait for writers. If the machine crashes, this may cost the last requests,
        # never the file.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        # Deleted text is overwritten in the file.
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection
