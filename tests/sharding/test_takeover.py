"""Interactions of a process that has died, answered by the real bot in a simulated Discord."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import text

from bot.errors import UNEXPECTED
from bot.sharding.takeover import MOST_TRIES
from bot.storage.unanswered import LAST_SECONDS
from tests.cogs.conftest import Scene
from tests.cogs.conftest import open_backend as open_backend
from tests.cogs.conftest import open_scene as open_scene
from tests.support import device_held
from tests.timers import PATIENCE

OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]


async def unanswered(scene: Scene) -> list[Any]:
    return list(await scene.store.database.rows(text("SELECT id, payload FROM unanswered")))


async def nothing_unanswered(scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE):
        while await unanswered(scene):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def abandoned(scene: Scene, change: str = "") -> Any:
    """A command that is acknowledged, and whose process then dies; return what has become of it.

    Args:
        change: of its row, in SQL.
    """
    result = scene.invoke(scene.alice, "sentiment", text="I love this course")
    await scene.until(lambda: result.acknowledged)
    for task in scene.bot.pending_interactions._tasks:
        task.cancel()
    await scene.store.database.run(text(f"UPDATE unanswered SET process = 'dead' {change}"))
    return result


async def test_is_answered_as_if_it_had_just_come(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            result = await abandoned(scene)
            await scene.bot.takeover.look()
        await scene.until(lambda: result.response is not None and result.response.embeds)
        assert not result.response.ephemeral
        assert not result.followups
        await nothing_unanswered(scene)


async def test_what_is_kept_of_an_interaction_goes_with_its_answer(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            result = scene.invoke(scene.alice, "sentiment", text="I love this course")
            await scene.until(lambda: result.acknowledged)
            [row] = await unanswered(scene)
            assert json.loads(row.payload)["data"]["options"][0]["value"] == "I love this course"
        await scene.until(lambda: result.response is not None and result.response.embeds)
        await nothing_unanswered(scene)


async def test_one_that_kills_every_process_is_given_up(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            result = await abandoned(scene, f", tries = {MOST_TRIES}")
            await scene.bot.takeover.look()
        await scene.until(lambda: result.followups)
        assert result.followups[0].content == str(UNEXPECTED)
        await nothing_unanswered(scene)


async def test_one_that_discord_has_forgotten_is_forgotten(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            result = await abandoned(scene, f", created = created - {LAST_SECONDS + 1}")
            await scene.bot.takeover.look()
        await nothing_unanswered(scene)
        assert not result.followups


async def test_one_that_nobody_answers_any_more_is_forgotten(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            await abandoned(scene, ", payload = replace(payload, '\"type\": 2', '\"type\": 99')")
            await scene.bot.takeover.look()
            assert await unanswered(scene)
            await scene.bot.takeover.look()
        await nothing_unanswered(scene)


async def test_a_stop_ends_the_looking(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        looking = asyncio.create_task(scene.bot.takeover.run())
        scene.bot.takeover.end()
        await asyncio.wait_for(looking, PATIENCE)


async def test_without_a_database_people_are_answered(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.store.database.run(text("DROP TABLE unanswered"))
        result = await scene.alice.slash(scene.channel, "sentiment", text="I love this course")
        assert result.response.embeds
