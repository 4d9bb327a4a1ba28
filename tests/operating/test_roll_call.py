"""What processes tell each other of their shards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.operating import roll_call
from bot.operating.roll_call import RollCall
from bot.storage import RequestStore
from tests.timers import PATIENCE


@dataclass
class Client:
    """A client's shards."""

    shard_count: int | None
    shard_ids: list[int] | None
    latencies: list[tuple[int, float]] = field(default_factory=list)


async def test_an_operator_sees_the_shards_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "EVERY_SECONDS", 0.001)
    async with RequestStore.open(None) as store:
        states = store.processes.shards
        one = RollCall(states, Client(4, [0, 1], [(0, 0.05), (1, float("nan"))]), "a:1")
        other = RollCall(states, Client(4, [2, 3], [(2, 0.07)]), "b:2")
        running = asyncio.create_task(other.run())
        async with asyncio.timeout(PATIENCE):
            while len(await one.all()) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        running.cancel()

        found: list[Any] = [(shard.shard, shard.process, shard.connected, shard.latency) for shard in await one.all()]
        assert found == [
            (0, "a:1", True, 0.05),
            (1, "a:1", True, None),
            (2, "b:2", True, 0.07),
            (3, "b:2", False, None),
        ]


async def test_a_process_with_all_shards_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "EVERY_SECONDS", 0.0)
    async with RequestStore.open(None) as store:
        alone = RollCall(store.processes.shards, Client(1, None, [(0, 0.05)]), "a:1")
        running = asyncio.create_task(alone.run())
        await asyncio.sleep(0.05)
        running.cancel()
        assert not await store.processes.shards.all()
        assert [shard.shard for shard in await alone.all()] == [0]
        before_the_login = RollCall(store.processes.shards, Client(None, None), "a:1")
        assert not await before_the_login.all()
