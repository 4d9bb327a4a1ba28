"""A process dies, and another one goes on: what somebody asked before is judged by what they may do now."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import ChannelType, OverwriteType
from sqlalchemy import text

from bot.servers.topics.access import EVERYTHING, AccessSettings, Rule, Subject
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.checkpoints import CheckpointSettings
from bot.sharding.standing import LEFT, NOT_SAID, SHUT_OUT
from bot.sharding.takeover import PRIVATE_NOW
from tests.cogs.conftest import Scene
from tests.cogs.conftest import open_backend as open_backend
from tests.cogs.conftest import open_scene as open_scene
from tests.cogs.people import add
from tests.cogs.test_compare import fetched
from tests.support import device_held, with_extras
from tests.timers import PATIENCE

OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]


@dataclass
class Server:
    """A server in which only students may use anything.

    Attributes:
        students: the role.
        courses: numbers for texts, because an answer that is remembered comes at once.
    """

    scene: Scene
    students: Any
    courses: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    async def open(cls, scene: Scene) -> Server:
        students = scene.guild.create_role("Students")
        everybody = Rule(feature=EVERYTHING, subject=Subject.ROLE, id=scene.guild.id, allow=False)
        some = Rule(feature=EVERYTHING, subject=Subject.ROLE, id=students.id, allow=True)
        await cls.set(scene, access=AccessSettings(rules=(everybody, some)))
        return cls(scene, students)

    @staticmethod
    async def set(scene: Scene, **topics: Any) -> None:
        await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update=topics))

    def student(self, name: str) -> Any:
        return add(self.scene, name, self.students)

    def change(self, who: Any, **changes: Any) -> None:
        """Somebody's roles or time-out change."""
        self.scene.env.backend.edit_member(self.scene.guild.id, who.id, changes)

    def deny(self, who: Any, **permissions: bool) -> None:
        """Somebody may not do something in the channel any more."""
        denied = discord.Permissions(**permissions).value
        overwrite = Overwrite(who.id, OverwriteType.MEMBER, allow=0, deny=denied)
        self.scene.env.backend.set_overwrite(self.scene.channel.id, overwrite)

    async def gone_on(
        self, who: Any, change: Callable[[], Awaitable[None] | None], channel: Any = None, **options: Any
    ) -> Any:
        """Somebody asks, the process dies, something changes, and another process goes on; return what comes of it."""
        scene = self.scene
        async with device_held(scene.worker):
            place = channel or scene.env.backend.get_channel(scene.channel.id)
            options |= {"text": f"I love course {next(self.courses)}"}
            result = scene.send(who, place, scene.slash_data(who, place.id, "sentiment", options))
            await scene.until(lambda: result.acknowledged)
            tasks = list(scene.bot.pending_interactions._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await scene.store.database.run(text("UPDATE unanswered SET process = 'dead'"))
            if (changing := change()) is not None:
                await changing
            await scene.env.settle()
            await scene.bot.takeover.look()
        assert await scene.bot.pending_interactions.answered(PATIENCE)
        await scene.env.settle()
        scene.env.errors.clear()
        return result

    async def refused(self, who: Any, change: Callable[[], Awaitable[None] | None], channel: Any = None) -> str:
        """The sentence that somebody reads in the place of an answer."""
        result = await self.gone_on(who, change, channel)
        assert result.response is None  # the public “thinking…” is gone
        [told] = result.followups
        assert told.ephemeral
        return str(told.content)


async def test_roles_and_permissions_are_those_of_now(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:
        server = await Server.open(scene)
        backend, guild = scene.env.backend, scene.guild.id
        monkeypatch.setattr("bot.replies.pending.RETRY_SECONDS", 0.0)
        before = server.student("before")
        assert "for your roles, or for you" in await server.refused(before, lambda: server.change(before, role_ids=[]))
        # Whoever asked keeps what they have, and is answered once.
        stays = server.student("stays")
        assert (await server.gone_on(stays, lambda: None)).response.embeds
        goes = server.student("goes")
        assert await server.refused(goes, lambda: backend.remove_member(guild, goes.id)) == str(LEFT)
        hidden, mute = server.student("hidden"), server.student("mute")
        assert await server.refused(hidden, lambda: server.deny(hidden, view_channel=True)) == str(SHUT_OUT)
        assert await server.refused(mute, lambda: server.deny(mute, use_application_commands=True)) == str(SHUT_OUT)
        until = (discord.utils.utcnow() + timedelta(hours=1)).isoformat()
        loud = server.student("loud")
        assert await server.refused(loud, lambda: server.change(loud, timed_out_until=until)) == str(SHUT_OUT)

        thread = backend.create_thread(scene.channel.id, "plans", stays.id, type=ChannelType.PRIVATE_THREAD)
        for one in (backend.bot_user, stays):
            backend.add_thread_member(thread.id, one.id)
        assert (await server.gone_on(stays, lambda: None, thread)).response.embeds

        def removed() -> None:
            backend.remove_thread_member(thread.id, stays.id)

        assert await server.refused(stays, removed, thread) == str(SHUT_OUT)

        def trouble() -> None:
            scene.env.inject_error("GET", "/guilds/*/members/*", status=503, times=None)

        assert await server.refused(stays, trouble) == str(NOT_SAID)
        backend.faults.clear()


async def test_a_server_of_another_process(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose shards this one does not have, and one that the bot is not in."""
    async with open_scene() as scene:
        server = await Server.open(scene)
        ann, ben, cat = (server.student(name) for name in ("ann", "ben", "cat"))
        monkeypatch.setattr(scene.bot, "get_guild", lambda number: None)
        assert "for your roles, or for you" in await server.refused(ann, lambda: server.change(ann, role_ids=[]))
        assert await server.refused(ben, lambda: server.deny(ben, view_channel=True)) == str(SHUT_OUT)
        assert (await server.gone_on(cat, lambda: None)).response.embeds

        def abroad() -> None:
            scene.env.inject_error("GET", "/guilds/*", status=403, code=50001, times=None)

        assert (await server.gone_on(cat, abroad)).response.embeds
        scene.env.backend.faults.clear()


async def test_answers_that_have_become_private(open_scene: OpenScene) -> None:
    """A public “thinking…” is withdrawn; a private one becomes the answer."""
    async with open_scene() as scene:
        server = await Server.open(scene)
        ann = server.student("ann")
        private, public = AnswerSettings(private=True), AnswerSettings()
        assert await server.refused(ann, lambda: server.set(scene, answers=private)) == str(PRIVATE_NOW)
        result = await server.gone_on(ann, lambda: None)
        assert result.response.embeds
        assert result.ephemeral
        assert (await server.gone_on(ann, lambda: server.set(scene, answers=public))).ephemeral


async def test_a_checkpoint_that_may_not_be_chosen_any_more(
    open_scene: OpenScene, course: Any, checkpoints: Mapping[str, Path]
) -> None:
    async with open_scene(with_extras(course, checkpoints["bert_sentiment"])) as scene:
        server = await Server.open(scene)
        ann = server.student("ann")
        await fetched(scene)
        extra = f"tiny-{checkpoints['bert_sentiment'].name}"
        await Server.set(scene, checkpoints=CheckpointSettings(allowed=(extra,)))

        withdrawn = CheckpointSettings(allowed=())
        result = await server.gone_on(ann, lambda: Server.set(scene, checkpoints=withdrawn), checkpoint=extra)
        assert "checkpoint" in result.followups[0].content
