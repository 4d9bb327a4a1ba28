"""A database on a PostgreSQL server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import SettingsError, describe
from bot.locales.message import later
from bot.storage.database import BUSY_SECONDS, FAILURES, UPGRADE_SECONDS, Database, Work
from bot.storage.locks import Lock, acquire
from bot.storage.upgrading import read_migrations, upgrade

if TYPE_CHECKING:
    import asyncpg

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_DRIVER = later('DATABASE_URL needs the driver of PostgreSQL: pip install "glassbox-bot[postgres]".')
UNREADABLE = later("DATABASE_URL cannot be read. Write it as postgresql://user:password@host:5432/database.")
UNREACHABLE = later(
    "No PostgreSQL answers at the address of DATABASE_URL. Check the host, the port and sslmode, and that PostgreSQL "
    "is running there."
)
REFUSED = later("PostgreSQL refuses DATABASE_URL. Check the user, the password and the name of the database.")
NO_TABLES = later(
    "The tables in the database of DATABASE_URL cannot be made or upgraded. Check that its user may create tables "
    "there, and what the log says."
)

CONNECTIONS = 5
"""The most of a process."""


class PostgreSQLDatabase(Database):
    """A few connections, through asyncpg.

    Args:
        url: as asyncpg reads it, which is libpq's way.

    Attributes:
        engine: its connections are in autocommit.
    """

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.engine = _engine(url, BUSY_SECONDS)
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def events(self) -> Engine:
        return self.engine.sync_engine

    async def connected(self, work: Work[T]) -> T:
        return await self._to_the_end(_connected(self.engine, work))

    async def transaction(self, work: Work[T]) -> T:
        return await self.connected(lambda connection: _in_transaction(connection, work))

    async def upgrade(self) -> None:
        """Give the database the tables of this version.

        Raises:
            SettingsError: its user may not, or it holds something else.
        """
        try:
            await self._upgrade()
        except FAILURES as error:
            log.error("the database cannot be upgraded: %s", describe(error))
            raise SettingsError(NO_TABLES) from None

    async def _upgrade(self) -> None:
        migrations = await asyncio.to_thread(read_migrations)

        def work(connection: Connection) -> None:
            acquire(connection, Lock.MIGRATIONS)
            upgrade(connection, migrations)

        engine = _engine(self._url, UPGRADE_SECONDS)
        try:
            await _connected(engine, lambda connection: _in_transaction(connection, work))
        finally:
            await engine.dispose()

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self.engine.dispose()

    async def _to_the_end(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # SQLAlchemy would close a connection whose statement is cancelled.
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)


async def check(url: str) -> None:
    """Connect once.

    Raises:
        SettingsError: that fails; says why.
    """
    try:
        import asyncpg
    except ImportError:
        raise SettingsError(NO_DRIVER) from None
    try:
        connection = await _connect(url, BUSY_SECONDS)
    except (OSError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError):
        raise SettingsError(UNREACHABLE) from None
    except (ValueError, asyncpg.ClientConfigurationError):  # a certificate's error is an OSError as well
        raise SettingsError(UNREADABLE) from None
    except asyncpg.InterfaceError:
        raise SettingsError(UNREACHABLE) from None
    except asyncpg.PostgresError:
        raise SettingsError(REFUSED) from None
    await connection.close()


async def _connected(engine: AsyncEngine, work: Work[T]) -> T:
    async with engine.connect() as connection:
        return await connection.run_sync(work)


def _in_transaction(connection: Connection, work: Work[T]) -> T:
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED")
    try:
        result = work(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # The transaction ends with the connection, whatever state they are in.
        connection.invalidate()
        raise
    return result


def _engine(url: str, seconds: float) -> AsyncEngine:
    """Return an engine whose statements may take so many seconds."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connect(url, seconds),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,  # after a restart of the server, its connections are replaced before they are used
        hide_parameters=True,
    )


async def _connect(url: str, seconds: float) -> asyncpg.Connection:
    import asyncpg

    return await asyncpg.connect(
        url, timeout=BUSY_SECONDS, command_timeout=seconds, server_settings={"application_name": "glassbox"}
    )
