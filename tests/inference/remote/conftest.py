"""Scripted servers, and backends that are connected to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from bot.inference.remote.backend import RemoteBackend
from bot.inference.remote.limits import RemoteLimits
from bot.tasks import all_tasks
from tests.inference.remote.scripted_server import ScriptedServer
from tests.timers import FAR, PATIENCE

QUIET = {"poll_seconds": FAR, "read_seconds": FAR, "connect_seconds": FAR, "seconds": FAR, "recovery_seconds": FAR}
"""Nothing happens because time passes."""

Connect = Callable[..., AbstractAsyncContextManager[RemoteBackend]]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().serving() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().serving() as server:
        yield server


@pytest.fixture
def connect() -> Connect:
    """Connect to servers: `async with connect(server, drain_seconds=1) as backend`. Nothing may be left behind."""

    @asynccontextmanager
    async def connect(*servers: ScriptedServer, key: str | None = None, **limits: Any) -> AsyncIterator[RemoteBackend]:
        addresses = [server.url for server in servers]
        async with RemoteBackend(all_tasks(), addresses, key, RemoteLimits(**{**QUIET, **limits})) as backend:
            yield backend
        assert not backend._background
        assert not backend._accepted
        assert all(endpoint.open_requests == 0 for endpoint in backend.endpoints)
        await until(lambda: not any(server.connections for server in servers))

    return connect


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
