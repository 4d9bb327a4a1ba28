"""The option `checkpoint`, of whichever command has it."""

from __future__ import annotations

import time
from types import SimpleNamespace

import discord
import pytest
from discord import app_commands

from bot.replies.checkpoints.choice import for_task
from tests.cogs.conftest import OpenScene

TASKS = {"batch": "sentiment", "guess": "sentiment", "inspect": "sentiment", "mood": "sentiment", "topics": "zeroshot"}
"""Of commands that are not named like their task."""
OF_ALL = frozenset({"attention", "models", "tokenize"})


async def test_each_command_completes_to_those_that_can_do_its_task(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        every = scene.worker.status().checkpoints
        registered = scene.bot.tree.get_commands(type=discord.AppCommandType.chat_input)
        found = [one for one in registered if isinstance(one, app_commands.Command) and "checkpoint" in _options(one)]
        assert len(found) >= 18
        for command in found:
            task = TASKS.get(command.name, command.name)
            able = every if command.name in OF_ALL else for_task(task, every, None, task)
            offered = await scene.alice.autocomplete(scene.channel, command.name, "checkpoint", "")
            assert {one["value"] for one in offered} == {one.name for one in able}, command.name
            assert not command.get_parameter("checkpoint").required  # type: ignore[union-attr]
        assert scene.env.errors == []


@pytest.mark.parametrize("command", ["attention", "tokenize", "sentiment"])
async def test_a_checkpoint_that_was_used_can_be_chosen(
    open_scene: OpenScene, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status then says something new at every look: since when nobody has used it."""
    # simcord's clock stands still.
    monkeypatch.setattr("bot.inference.checkpoints.residency.time", SimpleNamespace(monotonic=time.perf_counter))
    async with open_scene() as scene:
        option = "texts" if command == "tokenize" else "text"
        for number in range(2):
            options = {option: f"I love apples {number}", "checkpoint": "tiny-distilbert"}
            result = await scene.ask("server", command, **options)
            assert result.response is not None
            assert result.response.embeds, result.response.content


def _options(command: app_commands.Command) -> set[str]:  # type: ignore[type-arg]
    return {one.name for one in command.parameters}
