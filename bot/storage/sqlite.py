"""A database in a SQLite file, or in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, create_mock_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from bot.storage.calling_thread import CallingThread
from bot.storage.database import BUSY_SECONDS, UPGRADE_SECONDS, Database, Work
from bot.storage.tables import METADATA
from bot.storage.upgrading import is_current, read_migrations, upgrade

T = TypeVar("T")
MEMORY = ":memory:"


class SQLiteDatabase(Database):
    """One connection, on a thread of its own: SQLite lets only one write anyway.

    SQLAlchemy's asyncio extension would take several trips to a thread for each statement, and do its own work on the
    event loop. Here a statement or a transaction is one trip.

    While another process has locked the file, what is written waits for `BUSY_SECONDS` at most, however much else
    waits, and what is read does not wait.

    Args:
        path: of the file, or `MEMORY`.
    """

    dialect = "sqlite"

    def __init__(self, path: str) -> None:
        super().__init__()
        self._is_new = path == MEMORY
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: _connect(path),
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )
        self._thread = CallingThread(
            "database", lambda error: isinstance(error, Locked), lambda error: self.failed(type(error).__name__)
        )
        self._connection: Connection | None = None

    @property
    def events(self) -> Engine:
        return self._engine

    async def connected(self, work: Work[T]) -> T:
        return await self._thread.call(lambda: self._connected(work), BUSY_SECONDS)

    async def transaction(self, work: Work[T]) -> T:
        return await self._thread.call(lambda: self._transaction(work), BUSY_SECONDS)

    async def upgrade(self) -> None:
        await self._thread.call(self._upgrade, UPGRADE_SECONDS)

    async def close(self) -> None:
        await self._thread.end(self._close)

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _connected(self, work: Work[T]) -> T:
        with _lock_noticed():
            return work(self._connect())

    def _transaction(self, work: Work[T]) -> T:
        with _lock_noticed():
            connection = self._connect()
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with driver:  # commits, or rolls back
            return work(connection)

    def _upgrade(self) -> None:
        connection = self._connect()
        if self._is_new:  # nothing to upgrade, and nobody else
            for statement in _new_tables():
                connection.exec_driver_sql(statement)
            return
        migrations = read_migrations()
        with _lock_noticed():
            if is_current(connection, migrations):
                return
        # Another process may be upgrading the same file: then this waits.
        self._transaction(lambda connection: upgrade(connection, migrations))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


@cache  # composing the statements takes longer than running them
def _new_tables() -> tuple[str, ...]:
    """Return the SQL that creates the tables of this version."""
    statements: list[str] = []
    dialect = SQLiteDialect_pysqlite()
    METADATA.create_all(
        create_mock_engine("sqlite://", lambda one, *_: statements.append(str(one.compile(dialect=dialect)))),
        checkfirst=False,
    )
    return tuple(statements)


class Locked(sqlite3.OperationalError):
    """Another process writes to the file, so nothing was done."""


def is_lock(error: BaseException | None) -> bool:
    """Return whether an error of SQLite says that another process has locked the file."""
    # The lowest byte is the kind, of which the rest tells more.
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


@contextlib.contextmanager
def _lock_noticed() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if is_lock(error.orig):
            raise Locked from error
        raise


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Readers and a second process don't wait for writers. If the machine crashes, this may cost the last requests,
        # never the file.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        # A request takes along who has words in it.
        connection.execute("PRAGMA foreign_keys=ON")
        # Deleted text is overwritten in the file.
        connection.execute("PRAGMA secure_delete=ON")
        # SQLite would wait on the thread, where everybody else waits as well.
        connection.execute("PRAGMA busy_timeout=0")
    except BaseException:
        connection.close()
        raise
    return connection
