"""The database: a SQLite file, memory, or PostgreSQL, through SQLAlchemy."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Executable, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import describe
from bot.storage import engines, upgrading

log = logging.getLogger(__name__)

FAILURES = (SQLAlchemyError, OSError)
"""What a statement raises if the database can't be used, `TimeoutError` included. Their texts may hold values."""

T = TypeVar("T")
Values = Mapping[str, float | str | bytes | None]


class Database:
    """A database with the tables of this version, which any number of coroutines and processes may use at once.

    A statement runs to its end even if the caller is cancelled, and so does a transaction. Everything here raises
    `FAILURES` if the database can't be used.

    Attributes:
        engine: each statement of its connections is a transaction of its own (autocommit).
        dialect: `sqlite` or `postgresql`.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._begin = "BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN ISOLATION LEVEL READ COMMITTED"
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path | None, url: str | None = None) -> AsyncIterator[Database]:
        """Open a PostgreSQL database if there is a URL, else a SQLite file.

        It is in memory if there is neither, or (logged) if the file can't be used.

        Raises:
            SettingsError: the PostgreSQL database can't be used.
        """
        database = await cls._opened(path, url)
        try:
            yield database
        finally:
            await database._close()

    async def rows(self, statement: Executable, values: Values | None = None) -> Sequence[Row[Any]]:
        """Run a statement, and return its rows."""
        return await self._to_the_end(self._rows(statement, values))

    async def run(self, statement: Executable, values: Values | None = None) -> int:
        """Run a statement without results, and return how many rows it has changed."""
        return await self._to_the_end(self._run(statement, values))

    async def transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run several statements as one, and return what `work` returns. If it raises, nothing has been done.

        On SQLite nobody else can write meanwhile, in any process. On PostgreSQL the isolation level is READ COMMITTED:
        take a lock where that matters (see `bot.storage.locks`).
        """
        return await self._to_the_end(self._transaction(work))

    @classmethod
    async def _opened(cls, path: Path | None, url: str | None) -> Database:
        if url is not None:
            return await cls._upgraded(engines.postgresql(url))
        if path is not None:
            try:
                await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
                return await cls._upgraded(engines.sqlite(str(path)))
            except FAILURES as error:
                log.warning("requests cannot be kept beyond a restart: %s", describe(error))
        return await cls._upgraded(engines.sqlite(":memory:"))

    @classmethod
    async def _upgraded(cls, engine: AsyncEngine) -> Database:
        database = cls(engine)
        try:
            await upgrading.upgrade(database)
        except BaseException:
            await database._close()
            raise
        return database

    async def _rows(self, statement: Executable, values: Values | None) -> Sequence[Row[Any]]:
        async with self.engine.connect() as connection:
            return (await connection.execute(statement, values)).all()

    async def _run(self, statement: Executable, values: Values | None) -> int:
        async with self.engine.connect() as connection:
            return (await connection.execute(statement, values)).rowcount

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql(self._begin)
            try:
                result = await work(connection)
                await connection.exec_driver_sql("COMMIT")
            except BaseException:
                await _roll_back(connection)
                raise
            return result

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        # SQLAlchemy closes a connection whose statement is cancelled, and a database in memory would end with it.
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self.engine.dispose()


async def _roll_back(connection: AsyncConnection) -> None:
    try:
        await connection.exec_driver_sql("ROLLBACK")
    except FAILURES:  # it is broken, or a failed COMMIT has ended the transaction
        await connection.invalidate()
