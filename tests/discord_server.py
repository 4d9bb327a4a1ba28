"""A small Discord on this machine, over real sockets: what the bot's own connection needs, and no more.

The simulated Discord (simcord) takes the place of discord.py's connection; this one leaves it as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import discord.gateway
import discord.http
import discord.utils
import pytest
import yarl
from aiohttp import WSMsgType, web

from tests.discord_trouble import Trouble
from tests.timers import PATIENCE

TOKEN = "a.right.token"
APPLICATION_ID = 1000
USER = {"id": "2000", "username": "alice", "discriminator": "0", "global_name": "Alice", "avatar": None}
BOT = {"id": str(APPLICATION_ID), "username": "Glassbox", "discriminator": "0", "avatar": None, "bot": True}
CONTENT = web.RequestKey[Any]("content", object)
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 0, 1, 2, 6, 7, 9, 10, 11
"""Opcodes of the gateway. Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes"""

TYPES: Mapping[type, int] = {str: 3, int: 4, bool: 5, float: 10}
"""Of options. Source: https://discord.com/developers/docs/interactions/application-commands"""


@dataclass(frozen=True)
class Received:
    """A request that has arrived."""

    method: str
    path: str
    content: Any


@dataclass
class Exchange:
    """What has come of an interaction, in Discord's eyes.

    Attributes:
        acknowledged: the type of its first response.
        response: the message of its first response; empty if it only acknowledges.
        edits: of that response, in order.
        followups: messages beside it.
        deleted: whether the response was.
    """

    acknowledged: int | None = None
    response: Mapping[str, Any] = field(default_factory=dict)
    edits: list[Mapping[str, Any]] = field(default_factory=list)
    followups: list[Mapping[str, Any]] = field(default_factory=list)
    deleted: bool = False


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


class Refusal(Exception):
    """Discord does not do what it was asked."""

    def __init__(self, status: int, code: int) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code


@dataclass
class DiscordServer:
    """Discord, with one application and one user who writes to it.

    Attributes:
        token: the only one that is accepted.
        requests: what has arrived, in order, except for what the bot has given up. The end of a connection to
            the gateway is one too.
        failing: "METHOD /path" → HTTP status, for requests that fail.
        exchanges: what has come of each interaction, by its token.
        may_edit: edits of responses wait for this event.
        edits_held: how many wait.
        messages: of the bot's own, outside of interactions, by their ids: what each holds now.
        nonces: the ids of these messages, by the nonces that they were sent with.
        seconds: how long a message takes.
        until_closed: whether messages wait until a connection to the gateway has ended.
        gateway_close: the code with which the gateway hangs up on IDENTIFY, None where it does not.
        identified: what the bot has identified itself with, once for each connection.
        resumed: what it has gone on with, once for each connection.
        age: of the interactions that are sent next, in seconds; None for ids that say nothing about it.
        heartbeats: how many have arrived.
        heartbeat_seconds: how often they are asked for.
        answers_heartbeats: whether they are acknowledged.
    """

    token: str = TOKEN
    requests: list[Received] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    seconds: float = 0
    until_closed: bool = False
    gateway_close: int | None = None
    identified: list[Mapping[str, Any]] = field(default_factory=list)
    resumed: list[Mapping[str, Any]] = field(default_factory=list)
    age: float | None = None
    heartbeats: int = 0
    heartbeat_seconds: float = 40
    answers_heartbeats: bool = True
    exchanges: dict[str, Exchange] = field(default_factory=lambda: defaultdict(Exchange))
    may_edit: asyncio.Event = field(default_factory=_set)
    edits_held: int = 0
    messages: dict[str, Any] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    _trouble: list[tuple[str, str, Trouble]] = field(default_factory=list)
    _session: str = ""
    _events: list[dict[str, Any]] = field(default_factory=list)
    _commands: list[dict[str, Any]] = field(default_factory=list)
    _connections: list[web.WebSocketResponse] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(5000))
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

    @property
    def address(self) -> str:
        """Where it listens: `host:port`."""
        return self._url

    def take_the_place_of_discord(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let discord.py connect here."""
        monkeypatch.setattr(discord.http.Route, "BASE", f"http://{self._url}/api")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(f"ws://{self._url}/gateway"))

    async def invoke(self, command: str, **options: str | int | float) -> str:
        """Somebody sends a command; gives the interaction's token."""
        data = {
            "id": "3000",
            "name": command,
            "type": 1,
            "options": [{"name": name, "type": TYPES[type(value)], "value": value} for name, value in options.items()],
        }
        return await self._interact(2, data=data)

    async def press(self, label: str, message: Mapping[str, Any]) -> str:
        """Somebody presses a button of a message that the bot has sent; gives the interaction's token."""
        [row] = message["components"]
        [button] = [one for one in row["components"] if one["label"] == label]
        data = {"component_type": 2, "custom_id": button["custom_id"]}
        shown = {**self._new_message(message), "components": [{**row, "id": 1}]}
        return await self._interact(3, data=data, message=shown)

    async def complete(self, command: str, option: str, typed: str) -> str:
        """Somebody types, and wants suggestions; gives the interaction's token."""
        options = [{"name": option, "type": TYPES[str], "value": typed, "focused": True}]
        return await self._interact(4, data={"id": "3000", "name": command, "type": 1, "options": options})

    async def send_again(self) -> None:
        """Send the newest interaction a second time."""
        newest = [one for one in self._events if one["t"] == "INTERACTION_CREATE"][-1]
        await self._dispatch("INTERACTION_CREATE", newest["d"])

    async def send_event(self, event: str, payload: Any) -> None:
        """Send an event as it is."""
        await self._dispatch(event, payload)

    async def _interact(self, kind: int, **content: Any) -> str:
        number = next(self._ids)
        if self.age is not None:
            number = discord.utils.time_snowflake(discord.utils.utcnow() - timedelta(seconds=self.age))
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
        await self._dispatch("INTERACTION_CREATE", payload)
        return token

    async def say(self, text: str) -> str:
        """Somebody writes a direct message to the bot; gives the message's id."""
        number = str(next(self._ids))
        message = {**self._new_message({"content": text}), "id": number, "author": USER, "type": 0}
        await self._dispatch("MESSAGE_CREATE", {**message, "channel_type": 1})
        return number

    async def send_form(self, form: Mapping[str, Any], written: str) -> str:
        """Somebody sends a form that the bot has opened; gives the interaction's token."""
        [label] = form["components"]
        field = {"type": 4, "id": 2, "custom_id": label["component"]["custom_id"], "value": written}
        data = {"custom_id": form["custom_id"], "components": [{"type": 18, "id": 1, "component": field}]}
        return await self._interact(5, data=data)

    def plan(self, method: str, path: str, *trouble: Trouble) -> None:
        """Have the next such requests run into trouble, one after another.

        Args:
            path: a pattern of its end.
        """
        self._trouble += [(method, path, one) for one in trouble]

    def plan_only(self, method: str, path: str, trouble: Trouble) -> None:
        """Have the next such request run into trouble, and forget what was planned before."""
        self._trouble.clear()
        self.plan(method, path, trouble)

    @property
    def trouble_left(self) -> int:
        """How much of the trouble that was planned has not come yet."""
        return len(self._trouble)

    async def ask_to_reconnect(self) -> None:
        """Opcode 7."""
        await self._connections[-1].send_json({"op": RECONNECT, "d": None})

    async def invalidate_session(self, *, resumable: bool) -> None:
        """Opcode 9."""
        if not resumable:
            self._session = ""
        await self._connections[-1].send_json({"op": INVALID_SESSION, "d": resumable})

    async def hang_up(self, code: int) -> None:
        """Close the bot's connection with a code."""
        await self._connections[-1].close(code=code)

    def drop_connection(self) -> None:
        """Cut the bot's connection off without a word."""
        transport = self._connections[-1]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()

    async def until_true(self, condition: Callable[[], object]) -> None:
        """Wait until requests have made something true."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(condition)

    async def connected_again(self, *, resumed: int = 0, identified: int = 1) -> None:
        """Wait until the bot has gone on with a session, or begun one, so often."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.resumed) >= resumed and len(self.identified) >= identified)

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
                web.patch(f"{webhook}/messages/@original", self._edit),
                web.delete(f"{webhook}/messages/@original", self._delete),
                web.post(webhook, self._follow_up),
                web.post("/api/channels/{channel}/typing", self._type),
                web.post("/api/channels/{channel}/messages", self._send_message),
                web.patch("/api/channels/{channel}/messages/{message}", self._edit_message),
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
        trouble = self._next_trouble(request.method, path)
        if trouble is not None and not trouble.processed:
            response = await _troubled(request, trouble)
        elif (status := self.failing.get(f"{request.method} {path}")) is not None:
            response = _json({"code": 0, "message": "Something is wrong here"}, status=status)
        elif "webhooks" not in path and "interactions" not in path and not self._may(request):
            response = _json({"code": 0, "message": "401: Unauthorized"}, status=401)
        else:
            request[CONTENT] = content
            response = await _handled(request, handler)
            if trouble is not None:
                response = await _troubled(request, trouble)
        async with self._changed:
            self.requests.append(Received(request.method, path, content))
            self._changed.notify_all()
        return response

    def _next_trouble(self, method: str, path: str) -> Trouble | None:
        for planned in self._trouble:
            if planned[0] == method and re.search(f"(?:{planned[1]})$", path):
                self._trouble.remove(planned)
                return planned[2]
        return None

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
        self._commands = [
            {"description": "", **command, **known, "id": str(next(self._ids))} for command in request[CONTENT]
        ]
        return _json(self._commands)

    async def _callback(self, request: web.Request) -> web.Response:
        kind = request[CONTENT]["type"]
        exchange = self.exchanges[request.match_info["token"]]
        if exchange.acknowledged is not None:
            raise Refusal(400, 40060)
        _check(request[CONTENT].get("data") or {})
        exchange.acknowledged = kind
        exchange.response = request[CONTENT].get("data") or {}
        interaction = {"id": request.match_info["id"], "type": 2, "response_message_loading": kind == 5}
        resource = {"type": kind, "message": self._new_message(request[CONTENT].get("data") or {})}
        return _json({"interaction": interaction, "resource": resource})

    async def _edit(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.seconds)
        while self.until_closed and not self.count("CLOSE", "/gateway"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with self._changed:
            self.edits_held += 1
            self._changed.notify_all()
        await self.may_edit.wait()
        self.edits_held -= 1
        exchange = self._acknowledged(request)
        if exchange.deleted:
            raise Refusal(404, 10008)
        _check(request[CONTENT])
        exchange.edits.append(request[CONTENT])
        return _json(self._new_message(request[CONTENT]))

    async def _follow_up(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.seconds)
        exchange = self._acknowledged(request)
        _check(request[CONTENT])
        exchange.followups.append(request[CONTENT])
        return _json(self._new_message(request[CONTENT]))

    async def _type(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _send_message(self, request: web.Request) -> web.Response:
        """Create a message, or return the one that was sent with the same nonce."""
        content = request[CONTENT]
        _check(content)
        number = self.nonces.setdefault(content["nonce"], str(next(self._ids)))
        if number not in self.messages:
            self.messages[number] = content
        return _json({**self._new_message(self.messages[number]), "id": number, "type": 19})

    async def _edit_message(self, request: web.Request) -> web.Response:
        while self.until_closed and not self.count("CLOSE", "/gateway"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        number = request.match_info["message"]
        if number not in self.messages:
            raise Refusal(404, 10008)
        _check(request[CONTENT])
        self.messages[number] = request[CONTENT]
        return _json({**self._new_message(request[CONTENT]), "id": number, "type": 19})

    async def _delete(self, request: web.Request) -> web.Response:
        exchange = self._acknowledged(request)
        if exchange.deleted:
            raise Refusal(404, 10008)
        exchange.deleted = True
        return web.Response(status=204)

    def _acknowledged(self, request: web.Request) -> Exchange:
        exchange = self.exchanges[request.match_info["token"]]
        if exchange.acknowledged is None:
            raise Refusal(404, 10015)
        return exchange

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
        await connection.send_json({"op": HELLO, "d": {"heartbeat_interval": self.heartbeat_seconds * 1000}})
        async for frame in connection:
            if frame.type is WSMsgType.TEXT:
                await self._receive(connection, frame.json())
        async with self._changed:
            self.requests.append(Received("CLOSE", "/gateway", connection.close_code))
            self._changed.notify_all()
        return connection

    async def _receive(self, connection: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        if message["op"] == HEARTBEAT:
            self.heartbeats += 1
            if self.answers_heartbeats:
                await connection.send_json({"op": HEARTBEAT_ACK})
        elif message["op"] == RESUME:
            await self._resume(connection, message["d"])
        elif message["op"] == IDENTIFY:
            if self.gateway_close is not None:
                await connection.close(code=self.gateway_close)
                return
            self._session = f"session-{next(self._ids)}"
            self._events.clear()
            self._connections.append(connection)
            await self._dispatch("READY", self._ready(message["d"]["shard"]))
            await self._note(self.identified, message["d"])

    async def _resume(self, connection: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        """Go on with a session: send what the bot has missed."""
        if message["session_id"] != self._session:
            await connection.send_json({"op": INVALID_SESSION, "d": False})
            return
        self._connections.append(connection)
        for event in [one for one in self._events if one["s"] > message["seq"]]:
            await connection.send_json(event)
        await self._dispatch("RESUMED", {})
        await self._note(self.resumed, message)

    async def _note(self, begun: list[Mapping[str, Any]], message: Mapping[str, Any]) -> None:
        async with self._changed:
            begun.append(message)
            self._changed.notify_all()

    def _ready(self, shard: Any) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [],
            "session_id": self._session,
            "resume_gateway_url": f"ws://{self._url}/gateway",
            "shard": shard,
            "application": {"id": str(APPLICATION_ID), "flags": 0},
        }

    async def _dispatch(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send an event; where nobody is connected, as soon as somebody goes on with the session."""
        message = {"op": DISPATCH, "t": event, "s": next(self._ids), "d": payload}
        self._events.append(message)
        with contextlib.suppress(ConnectionError):
            await self._connections[-1].send_json(message)


async def _handled(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except Refusal as refusal:
        return _json({"code": refusal.code, "message": "No"}, status=refusal.status)
    return response


async def _troubled(request: web.Request, trouble: Trouble) -> web.StreamResponse:
    if trouble.hangs:
        await asyncio.Event().wait()
    if trouble.status is None:
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=500)  # which nobody gets
    return web.Response(
        status=trouble.status, body=trouble.body, content_type=trouble.content_type, headers=trouble.headers
    )


def _check(message: Mapping[str, Any]) -> None:
    """Two components of a message must not share a custom id."""
    inside = [one for row in message.get("components") or [] for one in row.get("components", [])]
    ids = [one["custom_id"] for one in inside if "custom_id" in one]
    if len(set(ids)) < len(ids):
        raise Refusal(400, 50035)


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
