"""What every database offers: statements, transactions, and tables of this version. `bot.storage.opening` opens one."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection, Engine, Executable, Row
from sqlalchemy.exc import SQLAlchemyError

from bot.storage.patience import Patience

FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What is raised if the database can't be used, `TimeoutError` included. Their texts may hold values."""

BUSY_SECONDS, UPGRADE_SECONDS = 5.0, 300.0
"""The longest that a statement waits: usually, and while tables are upgraded, a minute for a gigabyte. Answers wait for
less (see `Patience`)."""

T = TypeVar("T")
Values = Mapping[str, float | str | bytes | None]
Work = Callable[[Connection], T]
"""Runs statements. It must not block on anything else, and must not keep the connection. If another process has locked
the file, it is called again."""


class Database(ABC):
    """A database that any number of coroutines and processes may use at once.

    What has begun runs to its end, even if the caller is cancelled. Everything here raises `FAILURES` if the database
    can't be used.
    """

    dialect: ClassVar[str]
    """`sqlite` or `postgresql`."""

    def __init__(self) -> None:
        self.patience = Patience()
        """Of those who wait for an answer."""
        self.failed: Callable[[str], object] = lambda error: None
        """Hears of what SQLAlchemy's events do not tell (see `bot.operating.database`), on any thread."""

    @property
    @abstractmethod
    def events(self) -> Engine:
        """The engine, for listeners to SQLAlchemy's events. On SQLite they are called on the database's thread."""

    async def rows(self, statement: Executable, values: Values | None = None) -> Sequence[Row[Any]]:
        """Run a statement, and return its rows."""
        return await self.connected(lambda connection: connection.execute(statement, values).all())

    async def run(self, statement: Executable, values: Values | None = None) -> int:
        """Run a statement without rows, and return how many it has changed."""
        return await self.connected(lambda connection: connection.execute(statement, values).rowcount)

    @abstractmethod
    async def connected(self, work: Work[T]) -> T:
        """Run statements of which each takes effect at once, and return what `work` returns."""

    @abstractmethod
    async def transaction(self, work: Work[T]) -> T:
        """Run statements that take effect together, and return what `work` returns; if it raises, none does.

        On SQLite nobody else can write meanwhile, in any process. On PostgreSQL the isolation level is READ COMMITTED:
        acquire a lock where that matters (see `bot.storage.locks`).
        """

    @abstractmethod
    async def upgrade(self) -> None:
        """Give the database the tables of this version. If that fails, it is as it was before."""

    @abstractmethod
    async def close(self) -> None:
        """Wait for what is running, and close all connections."""
