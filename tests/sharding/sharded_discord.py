"""The small Discord of `tests.discord_server` with many shards, which several bot processes connect to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.discord_server import (
    DISPATCH,
    HEARTBEAT,
    HEARTBEAT_ACK,
    IDENTIFY,
    INVALID_SESSION,
    RESUME,
    TYPES,
    USER,
    DiscordServer,
    _json,
)
from tests.timers import PATIENCE

BUCKET_SECONDS = 5.0
"""Discord's own, between two shards of a bucket."""

_SHARD: ContextVar[int] = ContextVar("shard", default=0)


@dataclass
class ShardedDiscord(DiscordServer):
    """Discord, which sends an interaction to the process that has identified its shard.

    Attributes:
        max_concurrency: the number of buckets.
        remaining: sessions that may still begin today.
        servers: those of each shard, as GUILD_CREATE describes them.
        online: the connection of each shard.
        begun: the shards that have identified, in order.
        acknowledged_at: when each interaction was acknowledged, by its token, in the loop's seconds.
        too_early: those that were refused, because their bucket had begun another within five seconds.
    """

    max_concurrency: int = 1
    remaining: int = 1000
    servers: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    online: dict[int, web.WebSocketResponse] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    too_early: list[int] = field(default_factory=list)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    _bucket_begun: dict[int, float] = field(default_factory=dict)

    async def invoke_on(self, shard: int, command: str, **options: str | int | float) -> str:
        """Somebody in a server of a shard sends a command; return the interaction's token."""
        token = _SHARD.set(shard)
        try:
            return await self.invoke(command, **options)
        finally:
            _SHARD.reset(token)

    async def invoke_by(self, person: int, shard: int, command: str, **options: str | int | float) -> str:
        """A person in a server of a shard sends a command; return the interaction's token."""
        token = _SHARD.set(shard)
        try:
            given = [{"name": name, "type": TYPES[type(value)], "value": value} for name, value in options.items()]
            data = {"id": "3000", "name": command, "type": 1, "options": given}
            return await self._interact(2, data=data, user={**USER, "id": str(person)})
        finally:
            _SHARD.reset(token)

    async def press_on(self, shard: int, label: str, message: Mapping[str, Any], user: Any = None) -> str:
        """Somebody in a server of a shard presses a button; return the interaction's token.

        Args:
            user: the one who presses; the only user if it is None.
        """
        token = _SHARD.set(shard)
        try:
            button = next(
                one for row in message["components"] for one in row["components"] if one.get("label") == label
            )
            shown = {**self._new_message(message), "components": message["components"]}
            content = {"data": {"component_type": 2, "custom_id": button["custom_id"]}, "message": shown}
            return await self._interact(3, **content, **({} if user is None else {"user": user}))
        finally:
            _SHARD.reset(token)

    async def tell_on(self, shard: int, event: str, payload: Mapping[str, Any]) -> None:
        """Tell the process that has a shard of an event."""
        await self._emit(self.online[shard], event, payload)

    def is_online(self, shard: int) -> bool:
        """Whether a process has the shard now."""
        connection = self.online.get(shard)
        return connection is not None and not connection.closed

    async def all_online(self, *shards: int) -> None:
        """Wait until processes have all of these shards."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: all(map(self.is_online, shards)))

    async def _gateway_address(self, request: web.Request) -> web.Response:
        limits = {
            "total": 1000, "remaining": self.remaining, "reset_after": 1000, "max_concurrency": self.max_concurrency,
        }  # fmt: skip
        return _json({"url": f"ws://{self._url}/gateway", "shards": 1, "session_start_limit": limits})

    async def _callback(self, request: web.Request) -> web.Response:
        self.acknowledged_at.setdefault(request.match_info["token"], asyncio.get_running_loop().time())
        return await super()._callback(request)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        try:
            return await super()._gateway(request)
        finally:  # cancelled, if the process has been killed
            self.online = {shard: one for shard, one in self.online.items() if one._req is not request}

    async def _receive(self, connection: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        if message["op"] == HEARTBEAT:
            await connection.send_json({"op": HEARTBEAT_ACK})
        elif message["op"] == RESUME:
            await connection.send_json({"op": INVALID_SESSION, "d": False})
        elif message["op"] == IDENTIFY:
            await self._identify(connection, message["d"])

    async def _identify(self, connection: web.WebSocketResponse, identity: Mapping[str, Any]) -> None:
        shard = identity["shard"][0]
        now = asyncio.get_running_loop().time()
        bucket = shard % self.max_concurrency
        if now - self._bucket_begun.get(bucket, -BUCKET_SECONDS) < BUCKET_SECONDS:
            self.too_early.append(shard)
            await connection.send_json({"op": INVALID_SESSION, "d": False})
            return
        self._bucket_begun[bucket] = now
        self._session = f"session-{next(self._ids)}"
        self.begun.append(shard)
        self.online[shard] = connection
        servers = self.servers.get(shard, ())
        unavailable = [{"id": one["id"], "unavailable": True} for one in servers]
        await self._emit(connection, "READY", {**self._ready(identity["shard"]), "guilds": unavailable})
        for one in servers:
            await self._emit(connection, "GUILD_CREATE", one)
        await self._note(self.identified, identity)

    async def _dispatch(self, event: str, payload: Mapping[str, Any]) -> None:
        connection = self.online.get(_SHARD.get())
        if connection is None:
            raise ConnectionError("no process has this shard")
        await self._emit(connection, event, payload)

    async def _emit(self, connection: web.WebSocketResponse, event: str, payload: Mapping[str, Any]) -> None:
        await connection.send_json({"op": DISPATCH, "t": event, "s": next(self._sequence), "d": payload})

    _sequence: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
