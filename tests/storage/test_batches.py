"""Files in the database: kept until they are done, and deleted whole."""

from __future__ import annotations

import os

from bot.storage.batches import PART_BYTES, BatchState
from bot.storage.tables import BATCH_ANSWERS, BATCH_PARTS, BATCHES
from tests.storage.conftest import Place

ALICE, BOB, SERVER = 1, 2, 9


async def test_a_file_is_kept_for_other_processes_and_deleted_whole(place: Place) -> None:
    file = os.urandom(PART_BYTES + 1)
    async with place.open() as store, place.open() as other:
        identity = await store.batches.add(ALICE, SERVER, "{}", file)
        assert identity is not None
        assert await other.batches.add(ALICE, None, "{}", b"second") is None
        assert await other.batches.add(BOB, None, "{}", b"") is not None
        assert await other.batches.file(identity) == file
        assert await other.batches.count(SERVER) == 1
        assert await other.batches.begun() == []

        assert await store.batches.change(identity, BatchState.RUNNING, "new")
        [kept] = await other.batches.begun()
        assert (kept.id, kept.person, kept.guild_id, kept.content) == (identity, ALICE, SERVER, "new")
        await store.batches.keep(identity, 300, "later")
        await store.batches.keep(identity, 0, "first")
        await store.batches.keep(identity, 0, "first once more")
        assert await other.batches.answers(identity) == ["first", "later"]

        assert not await other.batches.stop(identity, BOB)
        assert await other.batches.stop(identity, ALICE)
        assert await store.batches.change(identity, BatchState.RUNNING, "newer")
        assert await store.batches.find(identity) == await other.batches.of(ALICE)
        stopped = await store.batches.find(identity)
        assert stopped is not None
        assert (stopped.state, stopped.content) == (BatchState.STOPPING, "newer")

        await other.batches.remove(identity)
        assert await store.batches.find(identity) is None
        assert await store.batches.file(identity) is None
        # What its process still keeps leaves nothing behind.
        await store.batches.keep(identity, 600, "too late")
        assert not await store.batches.change(identity, BatchState.RUNNING, "too late")
    assert await place.rows(BATCH_ANSWERS) == []
    assert await place.rows(BATCH_PARTS) == []
    assert [row[1] for row in await place.rows(BATCHES)] == [BOB]


async def test_what_is_too_old_is_deleted(place: Place) -> None:
    now = [1_000.0]
    async with place.open(now=lambda: now[0]) as store:
        running = await store.batches.add(ALICE, None, "{}", b"a")
        assert running is not None
        await store.batches.change(running, BatchState.RUNNING, "{}")
        await store.batches.keep(running, 0, "answers")
        asking = await store.batches.add(BOB, None, "{}", b"b")
        assert asking is not None
        now[0] += 100
        await store.batches.expire(101, 200)
        assert await store.batches.find(asking) is not None
        await store.batches.expire(99, 200)
        assert await store.batches.find(asking) is None
        assert await store.batches.file(running) == b"a"
        now[0] += 101
        await store.batches.expire(99, 200)
    assert [await place.rows(table) for table in (BATCHES, BATCH_PARTS, BATCH_ANSWERS)] == [[], [], []]
