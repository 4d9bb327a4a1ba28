"""The real bot in a simulated Discord, with the real worker and tiny checkpoints.

Each test that opens a scene runs with the worker in the bot's hands, and in `make test-all` (`-m remote`) also through
the API over a real socket.
"""

from __future__ import annotations

import asyncio
import mimetypes
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers
from yarl import URL

from bot.client import Glassbox
from bot.inference.backend import Backend
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.checkpoints.loading import load_head
from bot.inference.remote.backend import RemoteBackend
from bot.inference.remote.limits import RemoteLimits
from bot.inference.worker import InferenceWorker
from bot.operating.watch import Watch
from bot.storage import RequestStore
from bot.tasks import all_tasks
from tests.inference.serving.api_server import api_of
from tests.protocol.scenes import checked
from tests.timers import PATIENCE

mimetypes.init()  # simcord asks it for the type of attachments, and it reads files the first time

APPLICATION_COMMAND = 2
MESSAGE_COMPONENT = 3
SLASH, MESSAGE_MENU = 1, 3
BUTTON, STRING_MENU = 2, 3
GROUP_CHANNEL = 3
PRIVATE_CHANNEL_CONTEXT = 2


@dataclass
class Scene:
    """A server with one channel, and Alice and Bob in it."""

    bot: Glassbox
    store: RequestStore
    backend: Backend
    worker: InferenceWorker
    env: Any
    guild: Any
    channel: Any
    alice: Any
    bob: Any

    def invoke(self, who: Any, command: str, /, **options: Any) -> simcord.InteractionResult:
        """Somebody sends a command in the server; unlike simcord's own verb this does not wait for the bot."""
        record, payload = self._interaction(who, self.channel.id, self.guild.id, command, options)
        self.env.backend.emit("INTERACTION_CREATE", payload)
        return simcord.InteractionResult(self.env, record)

    async def ask_in_group(self, command: str, /, **options: Any) -> simcord.InteractionResult:
        """Alice sends a command in a group channel, where the bot is not: she has installed it to her account."""
        group = self.env.backend.create_channel(None, "friends", type=GROUP_CHANNEL)
        group.recipient_ids = [self.alice.id, self.bob.id]
        result = self.send(self.alice, group, self.slash_data(self.alice, group.id, command, options))
        await self.env.settle()
        return result

    def send(self, who: Any, channel: Any, data: dict[str, Any], **changed: Any) -> simcord.InteractionResult:
        """Somebody sends a command or uses a menu, in any channel; this does not wait for the bot.

        Args:
            data: see `slash_data` and `menu_data`.
            changed: fields of the interaction in place of simcord's.
        """
        record, payload = interactions.base_payload(
            self.env.backend,
            type=APPLICATION_COMMAND,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            user_id=who.id,
            data=data,
        )
        if channel.type == GROUP_CHANNEL:
            payload |= self._in_group(channel)
        self.env.backend.emit("INTERACTION_CREATE", payload | changed)
        return simcord.InteractionResult(self.env, record)

    def slash_data(self, who: Any, channel_id: int, command: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of a command, such as "privacy" or "forum-tags setup"."""
        root_name, *path = command.split()
        root = self.env.backend.find_command(root_name, None, type=SLASH)
        leaf, nesting = interactions.walk_to_subcommand(root, path)
        values, resolved = interactions.build_options(who, command, leaf, dict(options), channel_id=channel_id)
        nested = interactions.nest_options(root, nesting, values)
        return {"id": root["id"], "name": root_name, "type": SLASH, "options": nested, "resolved": resolved}

    def menu_data(self, name: str, message: Any) -> dict[str, Any]:
        """Return the data of the menu of a message, as the simulated Discord has it."""
        backend = self.env.backend
        registered = backend.find_command(name, None, type=MESSAGE_MENU)
        resolved = {"messages": {str(message.id): dict(serializers.message_payload(backend, message))}}
        target = {"target_id": str(message.id), "resolved": resolved}
        return {"id": registered["id"], "name": name, "type": MESSAGE_MENU} | target

    async def ask(self, place: str, command: str, /, **options: Any) -> simcord.InteractionResult:
        """Alice sends a command in a server, a direct message or a group."""
        if place == "group":
            return await self.ask_in_group(command, **options)
        sent = self.alice.user.slash if place == "direct message" else partial(self.alice.slash, self.channel)
        result: simcord.InteractionResult = await sent(command, **options)
        return result

    async def stop(self, message: Any, go_on: threading.Event) -> None:
        """Alice stops a text that a test holds, and the rest happens."""
        pressed = self.press(self.alice, message, "Stop")
        await self.until(lambda: pressed.acknowledged)
        go_on.set()
        await self.env.settle()

    def press(self, who: Any, message: Any, label: str) -> simcord.InteractionResult:
        """Somebody presses a button under a message, in any channel; this does not wait for the bot."""
        stored = self.env.backend.get_message(message.channel_id, message.id)
        [button] = [one for row in stored.components for one in row["components"] if one.get("label") == label]
        return self.use_component(who, message, {"custom_id": button["custom_id"], "component_type": BUTTON})

    def choose(self, who: Any, message: Any, custom_id: str, *values: str) -> simcord.InteractionResult:
        """Somebody chooses options of a menu under a message, in any channel; this does not wait for the bot."""
        return self.use_component(
            who, message, {"custom_id": custom_id, "component_type": STRING_MENU, "values": list(values)}
        )

    def use_component(self, who: Any, message: Any, data: dict[str, Any], **changed: Any) -> simcord.InteractionResult:
        """Somebody uses a component, whose data Discord would send; this does not wait for the bot.

        Args:
            changed: see `send`.
        """
        backend = self.env.backend
        stored = backend.get_message(message.channel_id, message.id)
        channel = backend.get_channel(stored.channel_id)
        record, payload = interactions.base_payload(
            backend,
            type=MESSAGE_COMPONENT,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            user_id=who.id,
            data=data,
        )
        payload["message"] = dict(serializers.message_payload(backend, stored))
        if channel.type == GROUP_CHANNEL:
            payload |= self._in_group(channel)
        record.source_message_id = stored.id
        backend.emit("INTERACTION_CREATE", payload | changed)
        return simcord.InteractionResult(self.env, record)

    async def restart(self) -> None:
        """Another process takes over: a new bot, which has the same store."""
        message_content = self.bot.intents.message_content
        self.bot = Glassbox(self.backend, self.store, shard_count=1, message_content=message_content)
        await self.env.restart_bot(self.bot)

    async def heard(self) -> None:
        """Wait until the bot knows of what the worker has done."""
        if isinstance(self.backend, RemoteBackend):
            await self.backend.look()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def edits(self) -> list[dict[str, Any]]:
        """What responses were edited to, in order."""
        return [
            request.json
            for request in self.env.http_requests
            if request.method == "PATCH" and request.path.endswith("@original")
        ]

    def refusal(self, result: Any) -> str:
        """Return the sentence of a refusal that came at once, and that nobody else sees."""
        assert result.response is not None
        assert result.ephemeral
        assert not result.deferred
        assert not result.followups
        assert len(self.env.errors) == 1
        self.env.errors.clear()
        return str(result.response.content)

    def failure(self, result: Any) -> str:
        """Return the sentence that one person reads after the public response was withdrawn."""
        assert result.response is None
        [told] = result.followups
        assert told.ephemeral
        assert len(self.env.errors) == 1
        return str(told.content)

    def _in_group(self, group: Any) -> dict[str, Any]:
        return {
            "context": PRIVATE_CHANNEL_CONTEXT,
            "authorizing_integration_owners": {"1": str(self.alice.id)},
            "channel": {
                "id": str(group.id),
                "type": GROUP_CHANNEL,
                "name": "friends",
                "icon": None,
                "owner_id": str(self.bob.id),
                "recipients": [],
                "last_message_id": None,
            },
        }

    def _interaction(
        self, who: Any, channel: int, guild: int | None, command: str, options: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        data = self.slash_data(who, channel, command, options)
        record, payload = interactions.base_payload(
            self.env.backend, type=APPLICATION_COMMAND, channel_id=channel, guild_id=guild, user_id=who.id, data=data
        )
        return record, payload


OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]
OpenBackend = Callable[[InferenceWorker], AbstractAsyncContextManager[Backend]]


@asynccontextmanager
async def itself(worker: InferenceWorker) -> AsyncIterator[Backend]:
    """The worker, in the bot's hands."""
    yield worker


@asynccontextmanager
async def behind_the_api(worker: InferenceWorker) -> AsyncIterator[Backend]:
    """A backend that reaches the worker through the API, over a socket."""
    limits = RemoteLimits(poll_seconds=0.05, again_seconds=1.0)
    async with api_of(worker) as api, RemoteBackend(all_tasks(), [URL(api.url)], limits=limits) as backend:
        yield backend


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "open_scene" in metafunc.fixturenames:
        remote = pytest.param(behind_the_api, marks=pytest.mark.remote, id="remote")
        metafunc.parametrize("open_backend", [pytest.param(itself, id="local"), remote])


@pytest.fixture
def open_backend() -> OpenBackend:
    """How a scene's bot reaches the worker. `pytest_generate_tests` offers another way to the tests in this folder."""
    return itself


@pytest.fixture
def open_scene(
    make_worker: Callable[..., AbstractAsyncContextManager[InferenceWorker]],
    open_backend: OpenBackend,
    request: pytest.FixtureRequest,
) -> OpenScene:
    """Open a scene: `async with open_scene() as scene`, with the options of `make_worker`, and perhaps with a watch."""

    @asynccontextmanager
    async def open_scene(
        preset: Preset | None = None, *, watch: Watch | None = None, message_content: bool = False, **options: Any
    ) -> AsyncIterator[Scene]:
        observer = None if watch is None else watch.worker
        async with (
            make_worker(preset, observer=observer, **options) as worker,
            open_backend(worker) as backend,
            RequestStore.open(None) as store,
        ):
            bot = Glassbox(backend, store, shard_count=1, watch=watch, message_content=message_content)
            with checked(request.node) as record:
                async with simcord.run(bot, settle_timeout=PATIENCE) as env:
                    record.listen(env.backend)
                    await bot.tree.sync()
                    guild = env.create_guild("Glassbox")
                    alice, bob = (guild.add_member(env.create_user(name)) for name in ("alice", "bob"))
                    yield Scene(
                        bot, store, backend, worker, env, guild, guild.create_text_channel("general"), alice, bob
                    )

    return open_scene


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that the worker is asked, in order."""
    requests: list[Any] = []
    submit = InferenceWorker.submit

    def spy(worker: InferenceWorker, request: Any, **options: Any) -> Any:
        requests.append(request)
        return submit(worker, request, **options)

    monkeypatch.setattr(InferenceWorker, "submit", spy)
    return requests


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Checkpoints do not finish loading before this event is set."""
    may_finish = threading.Event()

    def load_when_allowed(*arguments: Any) -> Any:
        assert may_finish.wait(PATIENCE)
        return load_head(*arguments)

    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", load_when_allowed)
    yield may_finish
    may_finish.set()
