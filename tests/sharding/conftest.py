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

OpenStore = Callable[[], AbstractAsyncContextManager[RequestStore]]


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    """Open one and the same database, as another process each time."""
    import os

    if u := os.environ.get("PGP"):
        import uuid, subprocess

        n = "t" + uuid.uuid4().hex
        subprocess.run(
            ["/usr/lib/postgresql/15/bin/createdb", "-h", "127.0.0.1", "-p", "55441", "-U", "glassbox", n], check=True
        )
        return lambda: RequestStore.open(None, u + "/" + n)
    return lambda: RequestStore.open(tmp_path / "shared.sqlite3")


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
    async with ShardedDiscord(max_concurrency=16).serving() as discord:
        yield discord


@pytest.fixture
def database_variables() -> dict[str, str]:
    """The settings of processes that share a SQLite file, which lies in their cache folder."""
    return {}
