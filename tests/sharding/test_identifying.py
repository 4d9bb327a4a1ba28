"""Turns to identify shards, with a real database, and with limits that a test sets."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from sqlalchemy import text

from bot.sharding import identifying
from bot.sharding.identifying import Identifying
from bot.storage import RequestStore
from bot.storage.processes import Processes
from tests.inference.toys import until
from tests.timers import PATIENCE, Timers

FOR_EVER = 50.0
Stores = tuple[RequestStore, RequestStore]


class Limits:
    """Discord's limits, and how often they were asked for.

    Attributes:
        fails: whether Discord answers with an error.
    """

    def __init__(self, max_concurrency: int = 1, remaining: int = 1000) -> None:
        self.max_concurrency = max_concurrency
        self.remaining = remaining
        self.asked = 0
        self.fails = False

    async def fetch(self) -> discord.SessionStartLimits:
        self.asked += 1
        if self.fails:
            raise discord.GatewayNotFound
        return discord.SessionStartLimits(
            total=1000, remaining=self.remaining, reset_after=10, max_concurrency=self.max_concurrency
        )


def turns_of(process: Processes, limits: Limits) -> Identifying:
    return Identifying(process.identifications, limits.fetch)


def identify(turns: Identifying, shard: int) -> asyncio.Task[Any]:
    async def both() -> None:
        await turns.reserve(shard)
        await turns.take(shard)

    return asyncio.create_task(both())


async def free(store: RequestStore) -> None:
    """Let all turns end."""
    await store.database.run(text("UPDATE identifications SET free = 0"))


@pytest.fixture(autouse=True)
def _turns_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifying, "IDENTIFY_SECONDS", FOR_EVER)


async def test_shards_of_other_buckets_do_not_wait(two: tuple[Processes, Processes]) -> None:
    limits = Limits(max_concurrency=2)
    one, other = (turns_of(process, limits) for process in two)
    async with asyncio.timeout(PATIENCE):
        await identify(one, 0)
        await identify(other, 1)
        waiting = identify(other, 2)
        done, _ = await asyncio.wait((waiting,), timeout=0.3)
        assert not done
    waiting.cancel()


async def test_a_shard_waits_for_one_of_another_process(
    two: tuple[Processes, Processes], stores: Stores, timers: Timers
) -> None:
    one, other = (turns_of(process, Limits()) for process in two)
    await asyncio.wait_for(identify(one, 0), PATIENCE)
    waiting = identify(other, 1)
    await asyncio.wait((waiting,), timeout=0.3)
    assert not waiting.done()
    await free(stores[0])
    await timers.skip()
    await asyncio.wait_for(waiting, PATIENCE)


async def test_without_a_database_the_shards_of_one_process_take_turns(
    two: tuple[Processes, Processes], stores: Stores, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    await stores[0].database.run(text("DROP TABLE identifications"))
    turns = turns_of(two[0], Limits())
    await asyncio.wait_for(identify(turns, 0), PATIENCE)
    waiting = identify(turns, 1)
    await asyncio.wait((waiting,), timeout=0.3)
    assert not waiting.done()
    await timers.skip()
    await asyncio.wait_for(waiting, PATIENCE)
    assert "cannot be asked for a turn" in caplog.text


async def test_when_no_more_sessions_may_begin_it_waits_and_says_so(
    two: tuple[Processes, Processes], caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(remaining=0)
    turns = turns_of(two[0], limits)
    waiting = identify(turns, 0)
    await until(lambda: limits.asked > 1)
    assert not waiting.done()
    assert "no more sessions begin today" in caplog.text
    limits.remaining = 1
    await asyncio.wait_for(waiting, PATIENCE)


async def test_limits_that_cannot_be_fetched_are_the_smallest(
    two: tuple[Processes, Processes], caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(max_concurrency=16)
    limits.fails = True
    turns = turns_of(two[0], limits)
    await asyncio.wait_for(identify(turns, 0), PATIENCE)
    waiting = identify(turns, 1)
    await asyncio.wait((waiting,), timeout=0.3)
    assert not waiting.done()
    assert "cannot be fetched" in caplog.text
    waiting.cancel()
