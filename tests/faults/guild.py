"""A small Discord with a server, in which the bot does things that nobody has used a command for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import discord.http
from aiohttp import web
from discord.utils import utcnow

from bot.forums.changes import with_forum
from bot.servers.settings import ServerSettings
from bot.servers.topics.chat import ChatSettings
from bot.servers.topics.forums import ForumMode, ForumSettings, TagSettings
from bot.servers.topics.reactions import ReactionSettings
from tests.bench.cached_servers import FIRST_ID
from tests.discord_server import APPLICATION_ID, BOT, CONTENT, Refusal, _json
from tests.faults.crowd.server import ALL_PERMISSIONS, FORUM, GENERAL, GUILD, CrowdedDiscord, _member, _user
from tests.faults.online import Online

LOG = str(FIRST_ID + 30)
"""The channel of the forum's log."""
TAG = FIRST_ID + 901
ALREADY_BEGUN = 160004
"""Discord's code for a thread that begins with a message which has one."""
SPANISH = "¿Alguien sabe dónde está mi perro número {}?"
FLAG = "🇩🇪"


@dataclass
class GuildDiscord(CrowdedDiscord):
    """Discord with one server, in which people write, put flags, and create posts.

    Attributes:
        written: what people have written, by the messages' ids.
        sent_in: the channel of each message of the bot's own, by its id.
        about: the message that it is a reply to, likewise.
        threads: by their ids.
        retagged: the tags that the bot has given to posts, each time.
    """

    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent_in: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    threads: dict[str, dict[str, Any]] = field(default_factory=dict)
    retagged: list[tuple[str, list[str]]] = field(default_factory=list)
    _person: int = 7_500_000

    def from_bot(self, channel: str) -> list[str]:
        """Return the messages of the bot's own in a channel."""
        return [one for one, where in self.sent_in.items() if where == channel and one in self.messages]

    async def write(self, text: str, **content: Any) -> str:
        """Somebody new writes in the channel; gives the message's id."""
        number = str(next(self._ids))
        author = _user(self._new_person())
        said = {**self._new_message({"content": text}), "id": number, "author": author, "type": 0, **content}
        self.written[number] = {**said, "channel_id": content.get("channel_id", GENERAL)}
        await self._dispatch("MESSAGE_CREATE", {**self.written[number], "guild_id": GUILD, "member": _bare(author)})
        return number

    async def mention(self, text: str) -> str:
        """Somebody new writes to the bot."""
        return await self.write(f"<@{APPLICATION_ID}> {text}", mentions=[{**BOT, "member": _bare(BOT)}])

    async def put_flag(self, message: str) -> None:
        """Somebody new puts a flag under a message."""
        user = _user(self._new_person())
        payload = {"user_id": user["id"], "channel_id": GENERAL, "message_id": message, "guild_id": GUILD, "type": 0}
        about = {"member": _member(user), "emoji": {"id": None, "name": FLAG}, "burst": False}
        await self._dispatch("MESSAGE_REACTION_ADD", {**payload, **about})

    async def post(self, title: str) -> str:
        """Somebody new creates a post in the forum; gives its id."""
        number = str(next(self._ids))
        owner = self._new_person()
        self.threads[number] = thread = _thread(number, FORUM, title, str(owner))
        said = {**self._new_message({"content": "Please help."}), "id": number, "author": _user(owner), "type": 0}
        self.written[number] = {**said, "channel_id": number}
        await self._dispatch("THREAD_CREATE", {**thread, "newly_created": True})
        return number

    def _new_person(self) -> int:
        self._person += 1
        return self._person

    def _app(self) -> web.Application:
        app = super()._app()
        channel = "/api/channels/{channel}"
        app.add_routes(
            [
                web.get(f"{channel}/messages/{{message}}", self._written_message),
                web.delete(f"{channel}/messages/{{message}}", self._delete_message),
                web.post(f"{channel}/messages/{{message}}/threads", self._begin_thread),
                web.get(channel, self._channel),
                web.patch(channel, self._edit_channel),
            ]
        )
        return app

    async def _written_message(self, request: web.Request) -> web.Response:
        if (found := self.written.get(request.match_info["message"])) is None:
            raise Refusal(404, 10008)
        return _json(found)

    async def _delete_message(self, request: web.Request) -> web.Response:
        if self.messages.pop(request.match_info["message"], None) is None:
            raise Refusal(404, 10008)
        return web.Response(status=204)

    async def _begin_thread(self, request: web.Request) -> web.Response:
        number = request.match_info["message"]
        if number in self.threads:
            raise Refusal(400, ALREADY_BEGUN)
        self.threads[number] = _thread(number, GENERAL, request[CONTENT]["name"], BOT["id"])  # type: ignore[arg-type]
        await self._dispatch("THREAD_CREATE", {**self.threads[number], "newly_created": True})
        return _json(self.threads[number])

    async def _channel(self, request: web.Request) -> web.Response:
        if (found := self.threads.get(request.match_info["channel"])) is None:
            raise Refusal(404, 10003)
        return _json(found)

    async def _edit_channel(self, request: web.Request) -> web.Response:
        thread = self.threads[request.match_info["channel"]]
        thread["applied_tags"] = request[CONTENT]["applied_tags"]
        self.retagged.append((thread["id"], thread["applied_tags"]))
        return _json(thread)

    async def _send_message(self, request: web.Request) -> web.Response:
        response = await super()._send_message(request)
        content = request[CONTENT]
        number = self.nonces[content["nonce"]]
        self.sent_in[number] = request.match_info["channel"]
        if (reference := content.get("message_reference")) is not None:
            self.about[number] = str(reference["message_id"])
        return response

    async def _dispatch(self, event: str, payload: Mapping[str, Any]) -> None:
        if event == "GUILD_CREATE":
            [everybody, *others] = payload["roles"]
            payload = {**payload, "roles": [{**everybody, "permissions": ALL_PERMISSIONS}, *others]}
        await super()._dispatch(event, payload)


async def set_up(bot: Online, mode: ForumMode, *, threads: bool) -> None:
    """The server wants everything."""
    forum = ForumSettings(mode=mode, tags={TAG: TagSettings(threshold=0.01)}, log_channel=int(LOG))

    def change(now: ServerSettings) -> ServerSettings:
        topics = {"reactions": ReactionSettings(translate=True), "chat": ChatSettings(threads=threads)}
        return with_forum(now.model_copy(update=topics), int(FORUM), forum)

    await bot.bot.servers.change(int(GUILD), change)


async def settled(bot: Online) -> None:
    """Wait until everything that has arrived is over, posts included."""
    await bot.settled()
    line: Any = bot.bot.cogs["ForumTags"]._tagger._line  # type: ignore[attr-defined]
    while len(line):  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def hurry_client(bot: Online) -> None:
    """Let discord.py pause for hardly any time between its own tries."""
    sleep = asyncio.sleep

    class Hurried:
        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

        async def sleep(self, seconds: float) -> None:
            await sleep(seconds / 1_000)

    bot.patch.setattr(discord.http, "asyncio", Hurried())


def _bare(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a member as messages have one."""
    member = _member(user)
    del member["user"]
    return member


def _thread(number: str, parent: str, name: str, owner: str) -> dict[str, Any]:
    when = utcnow().isoformat()
    about = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": when, "locked": False}
    return {
        "id": number,
        "type": 11,
        "guild_id": GUILD,
        "parent_id": parent,
        "owner_id": owner,
        "name": name,
        "last_message_id": None,
        "message_count": 0,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "applied_tags": [],
        "flags": 0,
        "thread_metadata": about,
    }
