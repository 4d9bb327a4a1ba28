"""The databases that the store is tried on."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select, text

from bot.storage import RequestStore
from bot.storage.opening import open_database


@dataclass(frozen=True)
class Place:
    """Where a store keeps what it is given; any number of stores may be opened there."""

    dialect: str
    path: Path
    url: str | None = None

    def open(self, **options: Any) -> AbstractAsyncContextManager[RequestStore]:
        """Open a store, as a process does."""
        return RequestStore.open(self.path, self.url, **options)

    async def rows(self, table: Table) -> list[tuple[Any, ...]]:
        """Return all rows of a table, in no order."""
        async with open_database(self.path, self.url) as database:
            return [tuple(row) for row in await database.rows(select(table))]

    async def change(self, *statements: str, **values: Any) -> None:
        """Run SQL beside the stores."""
        async with open_database(self.path, self.url) as database:
            for statement in statements:
                await database.run(text(statement), values)


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """A file that does not exist yet."""
    return Place("sqlite", tmp_path / "requests.sqlite3")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Place("sqlite", tmp_path / "requests.sqlite3")
    return Place("postgresql", tmp_path / "requests.sqlite3", request.getfixturevalue("postgresql_url"))
