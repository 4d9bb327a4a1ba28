"""The connections to Discord's gateway, one for each shard."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Gauge

from bot.operating.meter import PrometheusMeter


class Sharded(Protocol):
    """A client of discord.py, as far as this needs it."""

    @property
    def shard_count(self) -> int | None: ...
    @property
    def shard_ids(self) -> list[int] | None: ...
    @property
    def latencies(self) -> list[tuple[int, float]]: ...


class ShardedClient(Sharded, Protocol):
    """A client that also tells of its events."""

    def add_listener(self, func: Callable[..., Coroutine[Any, Any, Any]], /, name: str = ...) -> None: ...


class Gateway:
    """Which shards are connected, by the events of a client."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meter = PrometheusMeter(registry)
        per_shard = ("shard",)
        self._latency = Gauge(
            "glassbox_gateway_latency_seconds", "From a heartbeat to its receipt.", per_shard, registry=registry
        )
        self._connected = Gauge(
            "glassbox_gateway_connected", "Whether the shard is connected and ready.", per_shard, registry=registry
        )
        self._disconnects = meter.counter("glassbox_gateway_disconnects", "Connections that were lost.", per_shard)
        self._resumes = meter.counter("glassbox_gateway_resumes", "Sessions that were resumed.", per_shard)
        self._client: ShardedClient | None = None
        self._open: set[int] = set()
        self._ready: set[int] = set()

    def follow(self, client: ShardedClient) -> None:
        """Listen to the events of a client."""
        self._client = client
        client.add_listener(self._on_connect, "on_shard_connect")
        client.add_listener(self._on_ready, "on_shard_ready")
        client.add_listener(self._on_resumed, "on_shard_resumed")
        client.add_listener(self._on_disconnect, "on_shard_disconnect")

    @property
    def missing(self) -> list[int] | None:
        """The shards of this process that are not ready; None if it does not know its shards yet."""
        shards = self._shards()
        return None if shards is None else [shard for shard in shards if shard not in self._ready]

    def refresh(self) -> None:
        """Read the latencies. A shard has none before the first receipt."""
        for shard in self._shards() or ():
            self._connected.labels(str(shard)).set(shard in self._ready)
        for shard, seconds in self._client.latencies if self._client is not None else ():
            self._latency.labels(str(shard)).set(seconds if math.isfinite(seconds) else math.nan)

    def _shards(self) -> Iterable[int] | None:
        client = self._client
        if client is None or client.shard_count is None:
            return None
        return range(client.shard_count) if client.shard_ids is None else client.shard_ids

    async def _on_connect(self, shard: int) -> None:
        self._open.add(shard)

    async def _on_ready(self, shard: int) -> None:
        self._open.add(shard)
        self._ready.add(shard)

    async def _on_resumed(self, shard: int) -> None:
        self._resumes(str(shard))
        await self._on_ready(shard)

    async def _on_disconnect(self, shard: int) -> None:
        if shard in self._open:  # discord.py tells of some disconnections twice
            self._disconnects(str(shard))
        self._open.discard(shard)
        self._ready.discard(shard)
