"""Two real bot processes, `python -m bot run`, on one database and connected to one Discord over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from bot.errors import AlreadyEnded, ShuttingDown, SomebodyElses
from bot.settings import Settings
from bot.storage.tables import WRITING
from tests.discord_server import USER
from tests.sharding.bot_process import BotProcess, bot_process
from tests.sharding.sharded_discord import ShardedDiscord
from tests.storage.conftest import Place
from tests.timers import PATIENCE

DEFERRED_UPDATE = 6
MALLORY = {**USER, "id": "2001", "username": "mallory", "global_name": "Mallory"}
Start = Callable[..., AbstractAsyncContextManager[BotProcess]]
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
def start(discord: ShardedDiscord, tmp_path: Path, place: Place) -> Start:
    """Run one of two processes: `start(0, STAND_IN_SECONDS="0.01")`."""

    def start(index: int, **variables: str) -> AbstractAsyncContextManager[BotProcess]:
        database = {} if place.url is None else {"DATABASE_URL": place.url}
        common = {"CACHE_DIR": str(place.path.parent), "SHARD_COUNT": "4", "PROCESSES": "2", **database}
        return bot_process(
            discord.address, tmp_path / f"{index}.log", {**common, "PROCESS_INDEX": str(index), **variables}
        )

    return start


@contextlib.asynccontextmanager
async def both(start: Start, **variables: str) -> AsyncIterator[tuple[BotProcess, BotProcess]]:
    async with start(0, **variables) as one, start(1, **variables) as other:
        yield one, other


def is_whole_text(edit: Any) -> bool:
    return "Regenerate" in str(edit.get("components"))


def has_stop(edit: Any) -> bool:
    return "Stop" in str(edit.get("components"))


async def answer(discord: ShardedDiscord, token: str, when: Callable[[Any], object] = is_whole_text) -> Any:
    return await discord.until("PATCH", f"/{token}/messages/@original", when)


async def until_written(place: Place, count: int) -> None:
    """Wait until so many texts are being written, as all processes see it."""
    async with asyncio.timeout(PATIENCE):
        while len(await place.rows(WRITING)) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def told(discord: ShardedDiscord, token: str) -> str:
    """The sentence that one person reads."""
    return str((await discord.until("POST", f"/{token}/callback"))["data"]["content"])


async def test_buttons_work_on_the_other_process(discord: ShardedDiscord, start: Start, place: Place) -> None:
    async with both(start, STAND_IN_SECONDS="0.5"):
        await discord.all_online(0, 1, 2, 3)
        assert discord.count("PUT", "/commands") == 1
        assert not discord.too_early

        asked = await discord.invoke_on(0, "generate", prompt="One", max_new_tokens=1)
        again = await discord.press_on(3, "Regenerate", await answer(discord, asked))
        assert "One" in str((await answer(discord, again))["embeds"])

        await until_written(place, count=0)  # the row goes a moment after the answer
        await stop_on_the_other_process(discord, place)


async def stop_on_the_other_process(discord: ShardedDiscord, place: Place) -> None:
    written = await discord.invoke_on(0, "generate", prompt="A long text", max_new_tokens=512)
    shown = await answer(discord, written, has_stop)
    await until_written(place, count=1)
    assert await told(discord, await discord.press_on(3, "Stop", shown, MALLORY)) == SomebodyElses().sentence
    pressed = await discord.press_on(3, "Stop", shown)
    acknowledged = await discord.until("POST", f"/{pressed}/callback")
    assert acknowledged["type"] == DEFERRED_UPDATE
    assert 0 < str((await answer(discord, written))["embeds"]).count("…") < 512
    await until_written(place, count=0)
    assert await told(discord, await discord.press_on(3, "Stop", shown)) == AlreadyEnded().sentence


@pytest.mark.slow
async def test_the_interactions_of_a_process_that_is_killed_are_answered_by_the_other(
    discord: ShardedDiscord, start: Start
) -> None:
    async with both(start, STAND_IN_SECONDS="0.5") as (one, _):
        await discord.all_online(0, 1, 2, 3)
        tokens = [
            await discord.invoke_on(0, "generate", prompt=f"Text {number}", max_new_tokens=9) for number in range(5)
        ]
        for token in tokens:
            await discord.until("POST", f"/{token}/callback")
        one.kill()
        for number, token in enumerate(tokens):
            assert f"Text {number}" in str((await answer(discord, token))["embeds"])
            assert discord.exchanges[token].acknowledged == 5
            assert not discord.exchanges[token].followups


@pytest.mark.slow
@on_sqlite
async def test_a_rolling_restart_acknowledges_every_interaction(
    discord: ShardedDiscord, start: Start, settings: Settings
) -> None:
    """With real checkpoints, tiny ones, and Discord's smallest number of buckets."""
    discord.max_concurrency = 2
    variables = {f"{task}_checkpoint".upper(): folder for task, folder in settings.checkpoint_overrides.items()}
    variables |= {"DEVICES": "cpu", "PRECISION": "float32", "DRAIN_SECONDS": "120"}
    sent: list[str] = []

    async def ask(shard: int) -> str:
        """Somebody asks something new, and is acknowledged."""
        token = await discord.invoke_on(shard, "sentiment", text=f"This is text number {len(sent)}")
        sent.append(token)
        await discord.until("POST", f"/{token}/callback")
        return token

    async def keep_asking() -> None:
        while True:
            await answer(discord, await ask(2), lambda edit: edit.get("embeds"))

    async with start(0, **variables) as one, start(1, **variables):
        await discord.all_online(0, 1, 2, 3)
        asking = asyncio.create_task(keep_asking())
        await ask(0)
        text = await discord.invoke_on(0, "generate", prompt="In this course", max_new_tokens=60)
        await answer(discord, text, bool)  # a part of it, or on a fast machine all of it
        stopping = asyncio.create_task(one.stop())
        # What runs is answered, and what comes meanwhile is told to come again.
        await answer(discord, text)
        assert await stopping == 0
        assert discord.is_online(2)
        before = len(sent)
        async with start(0, **variables):
            await discord.all_online(0, 1)
            await answer(discord, await ask(0), lambda edit: edit.get("embeds"))
        assert len(sent) > before + 1  # the other process was online all the time
        asking.cancel()
        assert not discord.too_early
    assert all(discord.exchanges[token].acknowledged == 5 for token in sent[:-1])
    assert ShuttingDown().sentence not in str(discord.exchanges)


@on_sqlite
async def test_settings_that_cannot_be_end_with_one_sentence(start: Start) -> None:
    """Which these are: `test_shards`."""
    async with start(0, STAND_IN_SECONDS="0", SHARD_IDS="s3cret") as process:
        assert await asyncio.wait_for(process.process.wait(), PATIENCE) == 2
    written = await asyncio.to_thread(process.log.read_text)
    assert len(written.strip().splitlines()) == 1
    assert "s3cret" not in written
