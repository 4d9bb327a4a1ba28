"""`/mood` and `/topics`: pictures of a channel, for those who may read it, and of nobody in it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import discord
import pytest

from tests.cogs.conftest import OpenScene, Scene
from tests.tiny import TEXTS


async def written(scene: Scene, number: int = 30, channel: Any = None) -> None:
    """Alice and Bob write in turns, a minute apart."""
    for index in range(number):
        who = (scene.alice, scene.bob)[index % 2]
        await who.send(channel or scene.channel, f"{TEXTS[index % len(TEXTS)]} {index}")
        await scene.env.advance_time(60)


def embed_of(result: Any) -> discord.Embed:
    assert result.response is not None
    [embed] = result.response.embeds
    return embed


async def test_mood(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        await written(scene)
        result = await scene.alice.slash(scene.channel, "mood")
        embed = embed_of(result)
        print(embed.to_dict())
        for a in result.response.attachments:
            print(a.filename, a.size, a.description)
