"""What processes tell each other through their database, which is a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import AlreadyEnded, SomebodyElses, TooManyRequests, Unanswered
from bot.sharding.quota import SharedQuota
from bot.storage import RequestStore, leases
from bot.storage.processes import Processes
from bot.storage.writing import Text
from bot.tasks.chat import Exchange
from tests.inference.toys import until
from tests.timers import PATIENCE

Two = tuple[Processes, Processes]
Stores = tuple[RequestStore, RequestStore]
Die = Callable[[Processes], Awaitable[None]]
ALICE, BOB = 1 << 40, 2 << 40
CHANNEL = 3 << 40


async def rows(store: RequestStore, table: str) -> int:
    [[number]] = await store.database.rows(text(f"SELECT count(*) FROM {table}"))
    return int(number)


async def age_leases(store: RequestStore) -> None:
    await store.database.run(text("UPDATE leases SET taken = taken - 3600"))


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LOOK_SECONDS", 0.01)


class TestLeases:
    async def test_one_process_has_it(self, two: Two) -> None:
        one, other = (process.leases for process in two)
        assert await one.take("it")
        assert not await other.take("it")
        assert await other.take("something else")
        await one.give_back("it")
        assert await other.take("it")

    async def test_the_lease_of_a_process_that_died_is_free(self, two: Two, stores: Stores, die: Die) -> None:
        assert await two[0].leases.take("it")
        assert await two[1].leases.take("something else")
        await die(two[0])
        assert not await two[1].leases.take("it")  # it is young
        await age_leases(stores[0])
        assert await two[1].leases.take("it")

    async def test_the_lease_of_a_process_that_ended_is_free_at_once(self, two: Two) -> None:
        assert await two[0].leases.take("it")
        await two[0].close()
        assert await two[1].leases.take("it")

    async def test_two_that_ask_at_once(self, two: Two) -> None:
        for number in range(20):
            taken = await asyncio.gather(*(process.leases.take(f"it {number}") for process in two))
            assert sorted(taken) == [False, True]

    async def test_held_waits_and_says_so_once(self, two: Two) -> None:
        told: list[None] = []

        async def tell() -> None:
            told.append(None)

        async def hold() -> None:
            async with two[1].leases.held("it", tell):
                held.set()

        held = asyncio.Event()
        async with two[0].leases.held("it"):
            waiting = asyncio.create_task(hold())
            await until(lambda: bool(told))
            assert not held.is_set()
        await asyncio.wait_for(waiting, PATIENCE)
        assert len(told) == 1

    async def test_without_a_database_it_is_done_without(
        self, two: Two, stores: Stores, caplog: pytest.LogCaptureFixture
    ) -> None:
        await stores[0].database.run(text("DROP TABLE leases"))
        async with two[0].leases.held("it"):
            assert "cannot be asked to wait" in caplog.text

    async def test_it_is_given_back_later_if_the_database_fails(
        self, two: Two, stores: Stores, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)
        assert await two[0].leases.take("it")
        await stores[0].database.run(text("ALTER TABLE leases RENAME TO gone"))
        await two[0].leases.give_back("it")
        await stores[0].database.run(text("ALTER TABLE gone RENAME TO leases"))
        async with asyncio.timeout(PATIENCE):
            while not await two[1].leases.take("it"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def test_an_idle_process_gives_no_signs_of_life(self, two: Two, stores: Stores) -> None:
        assert await rows(stores[0], "processes") == 0
        await two[0].leases.take("it")
        assert await rows(stores[0], "processes") == 1


class TestIdentifications:
    async def test_a_bucket_is_for_one_process_at_a_time(self, two: Two) -> None:
        one, other = (process.identifications for process in two)
        assert await one.reserve(0, 50) == 0
        assert 0.05 < await other.reserve(0, 50) <= 50
        assert await other.reserve(1, 50) == 0
        assert await one.take(0, 50) == 0
        assert 0.05 < await other.take(0, 50) <= 50
        assert 0.05 < await one.take(0, 50) <= 50  # its own next shard waits too

    async def test_a_turn_ends_by_itself_even_if_its_process_died(self, two: Two, stores: Stores) -> None:
        assert await two[0].identifications.reserve(0, 20) == 0
        await stores[0].database.run(text("UPDATE identifications SET free = free - 20"))
        assert await two[1].identifications.take(0, 5) == 0

    async def test_a_clock_that_was_set_back_stops_nobody(self, two: Two, stores: Stores) -> None:
        assert await two[0].identifications.take(0, 5) == 0
        await stores[0].database.run(text("UPDATE identifications SET free = free + 3600"))
        assert await two[1].identifications.take(0, 5) == 0


class TestWriting:
    async def stoppable(self, process: Processes, store: RequestStore) -> asyncio.Event:
        """A text of a process that the others know of."""
        stopped = asyncio.Event()
        process.writing.begin("text", Text(ALICE, stopped.set))
        async with asyncio.timeout(PATIENCE):
            while not await rows(store, "writing"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return stopped

    async def test_another_process_stops_it(self, two: Two, stores: Stores) -> None:
        stopped = await self.stoppable(two[0], stores[0])
        await two[1].writing.stop("text", ALICE)
        await asyncio.wait_for(stopped.wait(), PATIENCE)

    async def test_only_the_person_who_asked(self, two: Two, stores: Stores) -> None:
        stopped = await self.stoppable(two[0], stores[0])
        for process in two:
            with pytest.raises(SomebodyElses):
                await process.writing.stop("text", BOB)
        assert not stopped.is_set()

    async def test_a_text_that_nobody_writes(self, two: Two) -> None:
        with pytest.raises(AlreadyEnded):
            await two[1].writing.stop("text", ALICE)

    async def test_a_text_that_has_ended_leaves_nothing(self, two: Two, stores: Stores) -> None:
        await self.stoppable(two[0], stores[0])
        two[0].writing.end("text")
        async with asyncio.timeout(PATIENCE):
            while await rows(stores[0], "writing"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        with pytest.raises(AlreadyEnded):
            await two[1].writing.stop("text", ALICE)

    async def test_the_text_of_a_process_that_died_has_ended(self, two: Two, stores: Stores, die: Die) -> None:
        await self.stoppable(two[0], stores[0])
        await die(two[0])
        with pytest.raises(AlreadyEnded):
            await two[1].writing.stop("text", ALICE)
        await two[1].sweep()
        assert await rows(stores[0], "writing") == 0

    async def test_a_database_that_fails_does_not_say_that_it_has_ended(self, two: Two, stores: Stores) -> None:
        await stores[0].database.run(text("DROP TABLE writing"))
        with pytest.raises(Unanswered):
            await two[1].writing.stop("text", ALICE)


class TestUnanswered:
    async def test_a_dead_processs_interactions_are_taken_over_once(self, two: Two, die: Die, open_store: Any) -> None:
        for number in range(30):
            assert await two[0].unanswered.keep(number, 5, f'{{"number": {number}}}')
        assert await two[1].unanswered.claim() == []
        await die(two[0])
        async with open_store() as third:
            claimed = await asyncio.gather(
                *(process.unanswered.claim() for process in (two[1], third.processes, two[1], third.processes))
            )
            found = sorted(one.id for some in claimed for one in some)
            assert found == list(range(30))
            assert {one.tries for some in claimed for one in some} == {1}
            assert all(one.payload == {"number": one.id} for some in claimed for one in some)

    async def test_an_answered_one_is_not(self, two: Two, stores: Stores, die: Die) -> None:
        assert await two[0].unanswered.keep(1, 5, "{}")
        two[0].unanswered.answered(1)
        async with asyncio.timeout(PATIENCE):
            while await rows(stores[0], "unanswered"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await die(two[0])
        assert await two[1].unanswered.claim() == []

    async def test_those_of_a_process_that_ends_are_taken_over_at_once(self, two: Two) -> None:
        assert await two[0].unanswered.keep(1, 5, "{}")
        await two[0].close()
        assert [one.id for one in await two[1].unanswered.claim()] == [1]

    async def test_each_death_counts(self, two: Two, die: Die, open_store: Any) -> None:
        assert await two[0].unanswered.keep(1, 5, "{}")
        await die(two[0])
        [once] = await two[1].unanswered.claim()
        await die(two[1])
        async with open_store() as third:
            [twice] = await third.processes.unanswered.claim()
        assert (once.tries, twice.tries) == (1, 2)

    async def test_a_database_that_fails_is_no_obstacle(
        self, two: Two, stores: Stores, caplog: pytest.LogCaptureFixture
    ) -> None:
        await stores[0].database.run(text("DROP TABLE unanswered"))
        assert await two[0].unanswered.keep(1, 5, "{}")
        assert "may end with this process" in caplog.text


class TestTurns:
    async def test_one_person_at_a_time_in_all_processes(self, stores: Stores) -> None:
        one, other = (store.conversations for store in stores)
        asked = asyncio.Event()

        async def ask() -> tuple[Exchange, ...]:
            async def wait_in_line() -> None:
                asked.set()

            async with other.turn(CHANNEL, wait_in_line) as turn:
                return turn.history

        async with one.turn(CHANNEL) as turn:
            waiting = asyncio.create_task(ask())
            await asyncio.wait_for(asked.wait(), PATIENCE)
            await one.keep(turn, CHANNEL, ALICE, Exchange("Alice", "Hello", "Hi"))
        history = await asyncio.wait_for(waiting, PATIENCE)
        assert [exchange.message for exchange in history] == ["Hello"]

    async def test_the_turn_of_a_process_that_died_ends(self, stores: Stores, two: Two, die: Die) -> None:
        await two[0].leases.take(f"chat {CHANNEL}")
        await die(two[0])
        await age_leases(stores[0])
        async with asyncio.timeout(PATIENCE), stores[1].conversations.turn(CHANNEL):
            pass


class TestQuota:
    async def test_holds_for_all_processes_together(self, two: Two) -> None:
        one, other = (SharedQuota(process.leases, 3) for process in two)
        async with one.request_of(ALICE), other.request_of(ALICE), one.request_of(ALICE):
            for quota in (one, other):
                with pytest.raises(TooManyRequests):
                    async with quota.request_of(ALICE):
                        pass
            async with other.request_of(BOB):
                pass
        async with other.request_of(ALICE), other.request_of(ALICE), other.request_of(ALICE):
            pass

    async def test_many_at_once(self, two: Two) -> None:
        quotas = [SharedQuota(process.leases, 3) for process in two]
        go_on = asyncio.Event()
        inside = 0

        async def ask(number: int) -> bool:
            nonlocal inside
            try:
                async with quotas[number % 2].request_of(ALICE):
                    inside += 1
                    await go_on.wait()
            except TooManyRequests:
                return False
            return True

        asking = [asyncio.create_task(ask(number)) for number in range(20)]
        await until(lambda: inside == 3 and sum(task.done() for task in asking) == 17)
        go_on.set()
        assert sum(await asyncio.gather(*asking)) == 3
        assert not any(quota._taken for quota in quotas)

    async def test_a_database_that_fails_refuses_nobody(self, two: Two, stores: Stores) -> None:
        await stores[0].database.run(text("DROP TABLE leases"))
        quota = SharedQuota(two[0].leases, 1)
        async with quota.request_of(ALICE):
            with pytest.raises(TooManyRequests):  # what this process knows by itself
                async with quota.request_of(ALICE):
                    pass


async def test_the_digest_of_the_commands_is_the_last_one(two: Two) -> None:
    assert await two[0].commands.digest(1 << 60) is None
    await two[0].commands.keep(1 << 60, "old")
    await two[1].commands.keep(1 << 60, "new")
    assert await two[0].commands.digest(1 << 60) == "new"
