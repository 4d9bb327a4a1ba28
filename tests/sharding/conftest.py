"""Several bot processes that share a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.storage import RequestStore
from bot.storage.processes import Processes
from tests.sharding.sharded_discord import ShardedDiscord
from tests.storage.conftest import Place

OpenStore = Callable[[], AbstractAsyncContextManager[RequestStore]]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    return Place(request.param, tmp_path / "requests.sqlite3", url)


@pytest.fixture
def open_store(place: Place) -> OpenStore:
    """Open one and the same database, as another process each time."""
    return place.open


@pytest.fixture
async def stores(open_store: OpenStore) -> AsyncIterator[tuple[RequestStore, RequestStore]]:
    """The stores of two processes."""
    async with open_store() as one, open_store() as other:
        yield one, other


@pytest.fixture
def two(stores: tuple[RequestStore, RequestStore]) -> tuple[Processes, Processes]:
    """Two processes."""
    return stores[0].processes, stores[1].processes


@pytest.fixture
async def die(stores: tuple[RequestStore, RequestStore]) -> Callable[[Processes], object]:
    """Let a process die, as the others see it: its last sign of life becomes old, and no other comes."""

    async def die(process: Processes) -> None:
        heartbeat = process._heartbeat
        if heartbeat._task is not None:
            heartbeat._task.cancel()
        await stores[0].database.run(
            text("UPDATE processes SET seen = seen - 3600 WHERE id = :id"), {"id": heartbeat.process}
        )

    return die


@pytest.fixture
async def discord() -> AsyncIterator[ShardedDiscord]:
    """A small Discord over real sockets, with as many buckets as shards."""
    discord = ShardedDiscord(max_concurrency=16)
    async with discord.serving():
        yield discord
