"""The small Discord of the tests, with a server whose channel has a history, a forum, and files that people attach."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from discord.utils import time_snowflake, utcnow

from tests.bench.cached_servers import FIRST_ID, ROLES, message, server
from tests.discord_server import BOT, CONTENT, HEARTBEAT, USER, DiscordServer, _json
from tests.tiny import TEXTS

GUILD, GENERAL, FORUM = str(FIRST_ID), str(FIRST_ID + ROLES), str(FIRST_ID + 900)
ALL_PERMISSIONS = str((1 << 50) - 1)
MEMBER_PERMISSIONS = str(104324673 | 1 << 16)
"""Those of the role of everybody, and to read the history."""
HISTORY = 60
"""Messages in the channel."""
FILE = b"id,text\n1,I love apples\n2,What a terrible day\n3,apples are sour.\n"
LOCALES = ("en-US", "ro")
"""English, and a language that the tiny models write but the bot doesn't speak: endings are told from English words."""
EVENTS_KEPT = 500
"""For a connection that was dropped: they are sent again when it resumes."""


@dataclass
class CrowdedDiscord(DiscordServer):
    """Discord with one server, whose members are as many as ask.

    Attributes:
        sent_at, acknowledged_at: when an interaction was sent, and had its first response, by its token, in the loop's
            seconds.
        heartbeats_at: when heartbeats arrived, by the connections on which they did.
    """

    sent_at: dict[str, float] = field(default_factory=dict)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    heartbeats_at: dict[int, list[float]] = field(default_factory=dict)
    _nonces: itertools.count[int] = field(default_factory=itertools.count)
    _ids: Iterator[int] = field(default_factory=lambda: snowflakes())
    _began: datetime = field(default_factory=utcnow)

    @property
    def address(self) -> str:
        """Where it listens: `host:port`."""
        return self._url

    @property
    def commands(self) -> Mapping[tuple[int, str], Mapping[str, Any]]:
        """The registered commands, by their type and name."""
        return {(one.get("type", 1), one["name"]): one for one in self._commands}

    async def interact(self, kind: int, person: int, *, in_server: bool, **content: Any) -> str:
        """Somebody uses something; return the interaction's token.

        Args:
            kind: Discord's number of the type.
            person: their id.
            in_server: whether they are in the server's channel, or write to the bot directly.
        """
        place = self._in_server(person) if in_server else {"user": _user(person)}
        token = await self._interact(kind, **place, locale=LOCALES[person % len(LOCALES)], **content)
        self.sent_at.setdefault(token, asyncio.get_running_loop().time())
        return token

    def forget_trouble(self) -> None:
        """Have no request run into trouble that was planned."""
        self._trouble.clear()

    def forget_requests(self) -> None:
        """Keep no more than is needed of what has arrived and was sent."""
        self.requests.clear()
        del self._events[:-EVENTS_KEPT]

    def shown_message(self, content: Mapping[str, Any], person: int) -> dict[str, Any]:
        """Return a message of the bot as an interaction with one of its components has it."""
        made_by = {"id": str(next(self._ids)), "type": 2, "user": _user(person), "authorizing_integration_owners": {}}
        more = {"components": content.get("components") or [], "flags": content.get("flags") or 0}
        return {**self._new_message(content), **more, "interaction_metadata": made_by}

    def history(self) -> list[dict[str, Any]]:
        """Return what was written in the channel, the newest message first."""
        return [self._written(number) for number in reversed(range(HISTORY))]

    def attachment(self) -> dict[str, Any]:
        """Return a file as an option has it."""
        url = f"http://{self._url}/files/reviews.csv"
        number = str(next(self._ids))
        about = {"id": number, "filename": "reviews.csv", "size": len(FILE), "content_type": "text/csv"}
        return {**about, "url": url, "proxy_url": url, "ephemeral": True}

    def _app(self) -> web.Application:
        app = super()._app()
        app.router.add_get("/api/channels/{channel}/messages", self._history)
        app.router.add_get("/api/guilds/{guild}/members/{person}", self._member_of)
        app.router.add_get("/files/{name}", self._file)
        return app

    def _in_server(self, person: int) -> dict[str, Any]:
        channel = {"id": GENERAL, "type": 0, "guild_id": GUILD, "name": "general", "permissions": MEMBER_PERMISSIONS}
        may = ALL_PERMISSIONS if str(person) == USER["id"] else MEMBER_PERMISSIONS
        return {
            "guild_id": GUILD,
            "guild": {"id": GUILD, "locale": "en-US", "features": []},
            "channel": channel,
            "member": {**_member(_user(person)), "permissions": may},
            "authorizing_integration_owners": {"0": GUILD},
            "context": 0,
            "app_permissions": ALL_PERMISSIONS,
        }

    def _written(self, number: int) -> dict[str, Any]:
        when = self._began - timedelta(minutes=HISTORY - number)
        said = {
            "id": str(time_snowflake(when)),
            "author": _user(7_000_000 + number % 7),
            "content": f"{TEXTS[number % len(TEXTS)]} {number}",
            "timestamp": when.isoformat(),
        }
        return {**message(0, number), **said, "channel_id": GENERAL}

    def _may(self, request: web.Request) -> bool:
        return request.path.startswith("/files/") or super()._may(request)

    async def _callback(self, request: web.Request) -> web.Response:
        response = await super()._callback(request)
        now = asyncio.get_running_loop().time()
        self.acknowledged_at.setdefault(request.match_info["token"], now)
        return response

    async def _history(self, request: web.Request) -> web.Response:
        before = int(request.query.get("before") or 2**63)
        found = [one for one in self.history() if int(one["id"]) < before]
        return _json(found[: int(request.query.get("limit", 50))])

    async def _member_of(self, request: web.Request) -> web.Response:
        return _json(_member(_user(int(request.match_info["person"]))))

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=FILE, content_type="text/csv")

    async def _send_message(self, request: web.Request) -> web.Response:
        request[CONTENT].setdefault("nonce", f"own-{next(self._nonces)}")
        return await super()._send_message(request)

    def _ready(self, shard: Any) -> dict[str, Any]:
        return {**super()._ready(shard), "guilds": [{"id": GUILD, "unavailable": True}]}

    async def _receive(self, connection: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        if message["op"] == HEARTBEAT:
            self.heartbeats_at.setdefault(id(connection), []).append(asyncio.get_running_loop().time())
        await super()._receive(connection, message)

    async def _dispatch(self, event: str, payload: Mapping[str, Any]) -> None:
        await super()._dispatch(event, payload)
        if event == "READY":
            await self._dispatch("GUILD_CREATE", _server())


def _server() -> dict[str, Any]:
    forum = {"id": FORUM, "type": 15, "name": "help", "position": 99, "topic": None, "nsfw": False, "parent_id": None}
    tags = [{"id": str(FIRST_ID + 901), "name": "bug", "moderated": False, "emoji_id": None, "emoji_name": None}]
    forum |= {"permission_overwrites": [], "rate_limit_per_user": 0, "flags": 0, "available_tags": tags}
    known = server(0)
    roles = [{**known["roles"][0], "permissions": MEMBER_PERMISSIONS}, *known["roles"][1:]]
    return {**known, "roles": roles, "channels": [*known["channels"], forum], "members": [_member(BOT)]}


def _user(person: int) -> dict[str, Any]:
    return {**USER, "id": str(person), "username": f"person{person}", "global_name": None}


def _member(user: Mapping[str, Any]) -> dict[str, Any]:
    when = "2026-01-01T00:00:00+00:00"
    return {"user": user, "roles": [], "joined_at": when, "deaf": False, "mute": False, "flags": 0}


def snowflakes() -> Iterator[int]:
    """Yield ids as Discord makes them: by the time of day, and each only once."""
    last = 0
    while True:
        last = max(last + 1, time_snowflake(utcnow()))
        yield last
