"""What the bot registers is what Discord takes, and a scene fails where something is not."""

from __future__ import annotations

from collections import Counter

import discord
import pytest

from tests.cogs.conftest import OpenScene, Scene
from tests.protocol.checking import Checker
from tests.protocol.commands import MESSAGE_MENU, SLASH
from tests.protocol.description import description
from tests.protocol.exchanges import Exchange, Record
from tests.support import COMMANDS


async def test_the_commands_as_they_are_registered(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        [sent] = [one for one in scene.env.http_requests if one.method == "PUT"]
    kinds = Counter(one["type"] for one in sent.json)
    assert kinds[SLASH] == len(COMMANDS)
    assert kinds[MESSAGE_MENU] == 5
    checker = Checker(description())
    checker.check(Record([Exchange(sent.method, sent.path, sent.json)]))
    assert checker.bodies == 1
    assert checker.faults.found == []


async def ping(scene: Scene) -> None:
    """Have the bot send what Glassbox promises never to send."""
    channel = scene.bot.get_channel(scene.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Hello", allowed_mentions=discord.AllowedMentions(users=True, everyone=False, roles=False))


async def test_a_scene_with_a_fault_fails(open_scene: OpenScene) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"1 faults in what was sent.*\n  mentions: .*'parse': \['users'\]"):
        async with open_scene() as scene:
            await ping(scene)


@pytest.mark.breaks_protocol("mentions", reason="it shows that a test may say so")
async def test_a_fault_that_a_test_means(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await ping(scene)
