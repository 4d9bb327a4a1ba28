"""What an operator's commands keep, in every database."""

from __future__ import annotations

from bot.storage.maintenance import Notice
from bot.storage.shard_states import ShardState
from bot.storage.tables import MAINTENANCE
from tests.storage.conftest import Place


async def test_a_maintenance_holds_for_all_processes_until_it_ends(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        assert await other.maintenance.find() is None
        await one.maintenance.begin(Notice("a larger model", 1_800_000_000.5))
        assert await other.maintenance.find() == Notice("a larger model", 1_800_000_000.5)
        await other.maintenance.begin(Notice())
        assert len(await place.rows(MAINTENANCE)) == 1
    async with place.open() as after:
        assert await after.maintenance.find() == Notice("", None)
        await after.maintenance.end()
        await after.maintenance.end()
        assert await after.maintenance.find() is None


async def test_shards_of_all_processes_are_known(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        await one.processes.shards.say([ShardState(1, "a:1", True, 0.045), ShardState(0, "a:1", True, None)])
        await other.processes.shards.say([ShardState(2, "b:2", False, 0.1)])
        await other.processes.shards.say([ShardState(1, "b:2", True, 0.2)])  # it has taken one over

        found = await one.processes.shards.all()
        assert [(state.shard, state.process, state.connected, state.latency) for state in found] == [
            (0, "a:1", True, None),
            (1, "b:2", True, 0.2),
            (2, "b:2", False, 0.1),
        ]
        assert all(0 <= state.age < 3_000 for state in found)
