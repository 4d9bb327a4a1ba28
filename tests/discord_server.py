"""A small Discord on this machine, over real sockets: what the bot's own connection needs, and no more.

The simulated Discord (simcord) takes the place of discord.py's connection; this one leaves it as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import discord.gateway
import discord.http
import pytest
import yarl
from aiohttp import WSMsgType, web

from tests.timers import PATIENCE

TOKEN = "a.right.token"
APPLICATION_ID = 1000
USER = {"id": "2000", "username": "alice", "discriminator": "0", "global_name": "Alice", "avatar": None}
BOT = {"id": str(APPLICATION_ID), "username": "Glassbox", "discriminator": "0", "avatar": None, "bot": True}
CONTENT = web.RequestKey[Any]("content", object)
DISPATCH, HEARTBEAT, IDENTIFY, HELLO, HEARTBEAT_ACK = 0, 1, 2, 10, 11
"""Opcodes of the gateway. Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes"""


@dataclass(frozen=True)
class Received:
    """A request that has arrived."""

    method: str
    path: str
    content: Any


@dataclass
class DiscordServer:
    """Discord, with one application and one user who writes to it.

    Attributes:
        token: the only one that is accepted.
        requests: what has arrived, in order, except for what the bot has given up. The end of a connection to
            the gateway is one too.
        failing: "METHOD /path" → HTTP status, for requests that fail.
        seconds: how long a message takes.
        until_closed: whether messages wait until a connection to the gateway has ended.
        gateway_close: the code with which the gateway hangs up on IDENTIFY, None where it does not.
        identified: what the bot has identified itself with, once for each connection.
        heartbeats: how many have arrived.
    """

    token: str = TOKEN
    requests: list[Received] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    seconds: float = 0
    until_closed: bool = False
    gateway_close: int | None = None
    identified: list[Mapping[str, Any]] = field(default_factory=list)
    heartbeats: int = 0
    _commands: list[dict[str, Any]] = field(default_factory=list)
    _connections: list[web.WebSocketResponse] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(5000))
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _url: str = ""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[DiscordServer]:
        """Listen on a free port."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._url = f"127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def take_the_place_of_discord(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let discord.py connect here."""
        monkeypatch.setattr(discord.http.Route, "BASE", f"http://{self._url}/api")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(f"ws://{self._url}/gateway"))

    async def invoke(self, command: str, **options: str) -> str:
        """Somebody sends a command; gives the interaction's token."""
        data = {
            "id": "3000",
            "name": command,
            "type": 1,
            "options": [{"name": name, "type": 3, "value": value} for name, value in options.items()],
        }
        return await self._interact(2, data=data)

    async def press(self, label: str, message: Mapping[str, Any]) -> str:
        """Somebody presses a button of a message that the bot has sent; gives the interaction's token."""
        [row] = message["components"]
        [button] = [one for one in row["components"] if one["label"] == label]
        data = {"component_type": 2, "custom_id": button["custom_id"]}
        shown = {**self._new_message(message), "components": [{**row, "id": 1}]}
        return await self._interact(3, data=data, message=shown)

    async def _interact(self, kind: int, **content: Any) -> str:
        number = next(self._ids)
        token = f"interaction-{number}"
        payload = {
            "id": str(number),
            "application_id": str(APPLICATION_ID),
            "type": kind,
            "token": token,
            "version": 1,
            "user": USER,
            "channel": {"id": "4000", "type": 1, "recipients": [USER], "last_message_id": None},
            "attachment_size_limit": 10_000_000,
            "authorizing_integration_owners": {"1": USER["id"]},
            "context": 1,
            "locale": "en-US",
            "app_permissions": "0",
            "entitlements": [],
            **content,
        }
        await self._dispatch(self._connections[-1], "INTERACTION_CREATE", payload)
        return token

    async def until(self, method: str, path: str, when: Callable[[Any], object] = bool) -> Any:
        """What a request brings, waited for.

        Args:
            path: its end.
            when: whether its content is what is waited for.
        """

        def arrived() -> list[Any]:
            found = [one.content for one in self.requests if one.method == method and one.path.endswith(path)]
            return [content for content in found if when(content)]

        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(arrived)
        return arrived()[-1]

    async def connected(self) -> None:
        """Wait until the bot has identified itself."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self.identified)

    def count(self, method: str, path: str) -> int:
        """How many such requests have arrived."""
        return sum(one.method == method and one.path.endswith(path) for one in self.requests)

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._record])
        commands = f"/api/applications/{APPLICATION_ID}/commands"
        webhook = "/api/webhooks/{application}/{token}"
        app.add_routes(
            [
                web.get("/api/users/@me", self._me),
                web.get("/api/oauth2/applications/@me", self._application),
                web.get("/api/gateway/bot", self._gateway_address),
                web.get(commands, self._get_commands),
                web.put(commands, self._put_commands),
                web.post("/api/interactions/{id}/{token}/callback", self._callback),
                web.patch(f"{webhook}/messages/@original", self._message),
                web.delete(f"{webhook}/messages/@original", self._nothing),
                web.post(webhook, self._message),
                web.get("/gateway", self._gateway),
            ]
        )
        return app

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse
        if request.path == "/gateway":
            response = await handler(request)
            return response
        path = request.path.removeprefix("/api")
        content = await _content(request)
        if (status := self.failing.get(f"{request.method} {path}")) is not None:
            response = _json({"code": 0, "message": "Something is wrong here"}, status=status)
        elif "webhooks" not in path and "interactions" not in path and not self._may(request):
            response = _json({"code": 0, "message": "401: Unauthorized"}, status=401)
        else:
            request[CONTENT] = content
            response = await handler(request)
        async with self._changed:
            self.requests.append(Received(request.method, path, content))
            self._changed.notify_all()
        return response

    def _may(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bot {self.token}"

    async def _me(self, request: web.Request) -> web.Response:
        return _json(BOT)

    async def _application(self, request: web.Request) -> web.Response:
        return _json(
            {
                "id": str(APPLICATION_ID),
                "name": "Glassbox",
                "description": "",
                "icon": None,
                "bot_public": True,
                "bot_require_code_grant": False,
                "owner": USER,
                "verify_key": "",
                "flags": 0,
            }
        )

    async def _gateway_address(self, request: web.Request) -> web.Response:
        limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return _json({"url": f"ws://{self._url}/gateway", "shards": 1, "session_start_limit": limits})

    async def _get_commands(self, request: web.Request) -> web.Response:
        return _json(self._commands)

    async def _put_commands(self, request: web.Request) -> web.Response:
        known = {"application_id": str(APPLICATION_ID), "version": "1", "default_member_permissions": None}
        self._commands = [{**command, **known, "id": str(next(self._ids))} for command in request[CONTENT]]
        return _json(self._commands)

    async def _callback(self, request: web.Request) -> web.Response:
        kind = request[CONTENT]["type"]
        interaction = {"id": request.match_info["id"], "type": 2, "response_message_loading": kind == 5}
        resource = {"type": kind, "message": self._new_message(request[CONTENT].get("data") or {})}
        return _json({"interaction": interaction, "resource": resource})

    async def _message(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.seconds)
        while self.until_closed and not self.count("CLOSE", "/gateway"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return _json(self._new_message(request[CONTENT]))

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    def _new_message(self, content: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": str(next(self._ids)),
            "channel_id": "4000",
            "author": BOT,
            "content": content.get("content") or "",
            "embeds": content.get("embeds") or [],
            "attachments": [],
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "pinned": False,
            "type": 20,
        }

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        await connection.send_json({"op": HELLO, "d": {"heartbeat_interval": 40_000}})
        async for frame in connection:
            if frame.type is WSMsgType.TEXT:
                await self._receive(connection, frame.json())
        self.requests.append(Received("CLOSE", "/gateway", connection.close_code))
        return connection

    async def _receive(self, connection: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        if message["op"] == HEARTBEAT:
            self.heartbeats += 1
            await connection.send_json({"op": HEARTBEAT_ACK})
        elif message["op"] == IDENTIFY:
            if self.gateway_close is not None:
                await connection.close(code=self.gateway_close)
                return
            await self._dispatch(connection, "READY", self._ready(message["d"]["shard"]))
            async with self._changed:
                self._connections.append(connection)
                self.identified.append(message["d"])
                self._changed.notify_all()

    def _ready(self, shard: Any) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [],
            "session_id": "session",
            "resume_gateway_url": f"ws://{self._url}/gateway",
            "shard": shard,
            "application": {"id": str(APPLICATION_ID), "flags": 0},
        }

    async def _dispatch(self, connection: web.WebSocketResponse, event: str, payload: Mapping[str, Any]) -> None:
        await connection.send_json({"op": DISPATCH, "t": event, "s": next(self._ids), "d": payload})


def _json(content: Any, status: int = 200) -> web.Response:
    """Without a charset in its type, on which discord.py insists."""
    return web.Response(body=json.dumps(content).encode(), status=status, content_type="application/json")


async def _content(request: web.Request) -> Any:
    """The JSON of a request; files beside it are left out."""
    if request.content_type != "multipart/form-data":
        return await request.json() if request.can_read_body else None
    async for part in await request.multipart():
        if getattr(part, "name", None) == "payload_json":
            return await part.json()  # type: ignore[union-attr]
    return None
