"""Messages that mention the bot, reply to it, or are written to it directly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.replies import pending
from tests.cogs.conftest import OpenScene, Scene


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 6)
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())


def at(scene: Scene, text: str) -> str:
    return f"<@{scene.bot.user.id}> {text}"


async def test_smoke(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.alice.send(scene.channel, at(scene, "I love apples."))
        for r in scene.env.http_requests:
            print(r.method, r.path, r.json)
        print(scene.channel.messages if hasattr(scene.channel, "messages") else dir(scene.channel))
        m = await scene.alice.user.send_dm("hello")
        print(m, dir(m))
        for r in scene.env.http_requests:
            print(r.method, r.path, r.json)
        assert 0
