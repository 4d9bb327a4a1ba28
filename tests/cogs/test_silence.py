"""A channel in which Discord refuses what the bot does by itself is left alone for five minutes, and then no longer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.replies.silence import SILENT_SECONDS
from bot.servers.topics.chat import ChatSettings
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import ALWAYS, NEVER, Forum
from tests.cogs.mentioning import answers, at
from tests.cogs.test_access_changes import set_topics
from tests.cogs.test_flags import GERMANY, flagged, posts, reactions

NUMBERS = itertools.count()
"""For texts, none of which is answered from memory."""


async def tries(scene: Scene, method: str, path: str, stimulus: Callable[[], Awaitable[Any]]) -> list[int]:
    """How often the bot makes a call that is refused: at first, at once again, shortly before the end, and after it."""
    scene.env.inject_error(method, path, status=403, code=50013, message="Missing Permissions", times=None)
    pattern = re.compile(path.replace("*", "[^/]+"))
    made = []
    for seconds in (0.0, 0.0, SILENT_SECONDS - 60.0, 90.0):
        await scene.env.advance_time(seconds)
        before = len(scene.env.http_requests)
        await stimulus()
        await scene.env.settle()
        new = scene.env.http_requests[before:]
        made.append(sum(one.method == method and pattern.fullmatch(one.path) is not None for one in new))
    scene.env.backend.faults.clear()
    return made


async def test_flags(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        await scene.bot.servers.change(scene.guild.id, reactions())

        async def put() -> None:
            await flagged(scene, GERMANY, f"¿Alguien sabe dónde está mi perro número {next(NUMBERS)}?")

        one = f"/channels/{scene.channel.id}/messages"
        assert await tries(scene, "GET", f"{one}/*", put) == [1, 0, 0, 1]
        await scene.env.advance_time(SILENT_SECONDS + 1)
        assert await tries(scene, "POST", one, put) == [1, 0, 0, 1]
        assert not posts(scene)
        assert not scene.env.errors


async def test_messages_and_threads(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 4)
    async with open_scene() as scene:

        async def mention() -> None:
            await scene.alice.send(scene.channel, at(scene, f"Hello {next(NUMBERS)}"))

        assert await tries(scene, "POST", f"/channels/{scene.channel.id}/messages", mention) == [1, 0, 0, 1]
        await scene.env.advance_time(SILENT_SECONDS + 1)
        await set_topics(scene, chat=ChatSettings(threads=True))
        assert await tries(scene, "POST", "/channels/*/messages/*/threads", mention) == [1, 0, 0, 1]
        assert len(answers(scene.channel)) == 4  # as replies, each once
        assert not scene.env.errors


async def test_forum_tags_and_their_log(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER, log_channel=scene.channel.id)

        async def post() -> None:
            await forum.post(scene.alice, f"It crashes {next(NUMBERS)}")

        assert await tries(scene, "PATCH", "/channels/*", post) == [1, 0, 0, 1]
        await scene.env.advance_time(SILENT_SECONDS + 1)
        assert await tries(scene, "POST", f"/channels/{scene.channel.id}/messages", post) == [1, 0, 0, 1]
        assert not scene.env.errors
