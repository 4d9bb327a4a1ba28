"""The same load through a simulated Discord: interactions of many members, from the gateway to the edited response."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.client import Glassbox
from bot.errors import GlassboxError, SettingsError
from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.storage import RequestStore
from tests.bench.load import closed_loop
from tests.bench.run import Run

APPLICATION_COMMAND = 2
SLASH_COMMAND = 1
STRING, INTEGER = 3, 4
DEFERRED = 5
"""Discord's types of interactions, commands, options and responses."""

OPTIONS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "sentiment": lambda request: {"text": request.text},
    "fill": lambda request: {"text": request.text},
    "zeroshot": lambda request: {"text": request.text, "labels": ", ".join(request.labels)},
    "generate": lambda request: {"prompt": request.prompt, "max_new_tokens": request.max_new_tokens},
    "translate": lambda request: {"text": request.text, "to": request.target},
}
"""By task, a request as options of its slash command."""


class NoAnswer(GlassboxError):
    """A command was answered with a refusal or an error."""


@dataclass(frozen=True)
class DiscordRun:
    """A run through Discord.

    Attributes:
        run: its latencies are from the interaction to the answer.
        acknowledgements: seconds from the interaction to its acknowledgement.
    """

    run: Run
    acknowledgements: tuple[float, ...]


@dataclass(eq=False)
class _Open:
    """An interaction that has not been answered yet."""

    began: float
    answered: asyncio.Future[None]
    acknowledged: float | None = None


class SimulatedMembers:
    """Members of a server who send commands.

    Args:
        discord: simcord's Discord, to which the bot is connected.
        number: of members.
    """

    def __init__(self, discord: Any, number: int) -> None:
        self._discord = discord
        self._guild = discord.create_guild("Glassbox benchmark").id
        self._channel = discord.create_channel(self._guild, "benchmark").id
        self._members = [discord.make_user(f"member{index}").id for index in range(number)]
        for member in self._members:
            discord.add_member(self._guild, member)
        self._open: dict[str, _Open] = {}

    async def run(self, task: str, requests: Sequence[Request[object]]) -> DiscordRun:
        """Ask all requests; each member has one under way at a time."""
        acknowledgements: list[float] = []

        async def ask(request: Request[object], person: int) -> None:
            acknowledgements.append(await self._ask(task, request, self._members[person]))

        run = await closed_loop(ask, requests, len(self._members))
        self._discord.http_requests.clear()
        self._discord.transcript.clear()
        return DiscordRun(run, tuple(acknowledgements))

    def hear(self, method: str, path: str, payload: Any) -> None:
        """Note an HTTP request from the bot to Discord: an acknowledgement or a refusal."""
        asked = next((self._open[part] for part in path.split("/") if part in self._open), None)
        if asked is None or asked.answered.done() or method != "POST":
            return
        if path.endswith("/callback") and payload["type"] == DEFERRED:
            asked.acknowledged = time.perf_counter() - asked.began
        else:  # an immediate response or a follow-up is a refusal
            asked.answered.set_exception(NoAnswer("The command was not answered."))

    async def see_the_end(self, interaction: Any, command: Any) -> None:
        """Note that a command has ended without an error, so its answer is complete."""
        asked = self._open.get(interaction.token)
        if asked is not None and not asked.answered.done():
            asked.answered.set_result(None)

    async def _ask(self, task: str, request: Request[object], member: int) -> float:
        """Send a command, wait for its answer, and return the seconds until its acknowledgement."""
        token, payload = self._interaction(task, request, member)
        asked = _Open(time.perf_counter(), asyncio.get_running_loop().create_future())
        self._open[token] = asked
        try:
            self._discord.emit("INTERACTION_CREATE", payload)
            await asked.answered
        finally:
            del self._open[token]
        if asked.acknowledged is None:
            raise NoAnswer("The command was not acknowledged.")
        return asked.acknowledged

    def _interaction(self, task: str, request: Request[object], member: int) -> tuple[str, dict[str, Any]]:
        from simcord import interactions

        options = [
            {"name": name, "type": INTEGER if isinstance(value, int) else STRING, "value": value}
            for name, value in OPTIONS[task](request).items()
        ]
        record, payload = interactions.base_payload(
            self._discord,
            type=APPLICATION_COMMAND,
            channel_id=self._channel,
            guild_id=self._guild,
            user_id=member,
            data={"id": str(self._guild), "name": task, "type": SLASH_COMMAND, "options": options},
        )
        return record.token, payload


class _RealTime:
    """A clock for the simulated Discord. Its own one stands still, but interactions expire by the time in their ids."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@contextlib.asynccontextmanager
async def simulated_members(backend: Backend, number: int) -> AsyncIterator[SimulatedMembers]:
    """Open a simulated server with so many members; raise `SettingsError` if the extra packages are missing."""
    try:
        from simcord import _dpy_internals
        from simcord.backend import Backend as Discord
        from simcord.gateway import ShardRouter
        from simcord.http.client import FakeHTTPClient, FakeWebhookAdapter
    except ImportError:
        raise SettingsError(
            'Measuring through Discord needs a few more packages. Install them with `pip install ".[playground]"`.'
        ) from None

    # Not simcord's test environment: it watches every callback of the event loop and stops the clock, which would be
    # measured too.
    discord = Discord(clock=_RealTime())
    async with RequestStore.open(None) as store, Glassbox(backend, store, shard_count=1) as bot:
        loop = asyncio.get_running_loop()
        _dpy_internals.install_http(bot, FakeHTTPClient(discord, loop))
        state = _dpy_internals.get_state(bot)
        state.shard_count, state.shard_ids = 1, [0]
        _dpy_internals.set_guild_ready_timeout(bot, 0.0)
        router = ShardRouter(discord, state, bot.dispatch, 1, (0,))
        discord.subscribers.append(router.feed)
        adapter = FakeWebhookAdapter(discord)
        before = _dpy_internals.set_webhook_adapter(adapter)
        try:
            await bot.login("a token that nobody checks")
            _dpy_internals.install_shards(bot, router.shards)
            router.identify(0)
            await bot.wait_until_ready()
            members = SimulatedMembers(discord, number)
            adapter.request = _overheard(adapter.request, members)
            bot.add_listener(members.see_the_end, "on_app_command_completion")
            yield members
        finally:
            _dpy_internals.reset_webhook_adapter(before)


def _overheard(send: Any, members: SimulatedMembers) -> Any:
    """Return an adapter's function to send requests, wrapped so that the members hear of them."""

    async def request(route: Any, session: Any, **options: Any) -> Any:
        response = await send(route, session, **options)
        members.hear(route.method, route.url, _payload(options))
        return response

    return request


def _payload(options: dict[str, Any]) -> Any:
    """Return the JSON of a request; if there are files, it is one part of many."""
    import json

    for part in options.get("multipart") or ():
        if part.get("name") == "payload_json":
            return json.loads(part["value"])
    return options.get("payload")
