"""The clock of a machine jumps: nothing is deleted for that, and nothing is held for that."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.storage.expiry import DISTRUSTED_SECONDS
from bot.storage.retention import KEPT_SECONDS
from bot.storage.steady_clock import BELIEVED_SECONDS, SLIP_SECONDS, SteadyClock
from bot.storage.tables import EXCHANGES, REQUESTS
from bot.tasks.generate import GenerateRequest
from tests.storage.conftest import Place
from tests.storage.test_conversations import HERE, say
from tests.storage.test_requests import Clock

DAYS = 40 * 24 * 3600.0
REQUEST = GenerateRequest("Once")


@dataclass
class Machine:
    """A system's clock, which can be set, and one that cannot."""

    ahead: float = 1_000_000_000.0
    elapsed: float = 50.0
    clock: SteadyClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SteadyClock(lambda: self.ahead + self.elapsed, lambda: self.elapsed)


@pytest.mark.parametrize("jump", [DAYS, -DAYS])
async def test_a_jump_during_one_request_deletes_and_hides_nothing(place: Place, jump: float) -> None:
    machine = Machine()
    async with place.open(now=machine.clock) as store:
        before = await store.keep(REQUEST, person=1)
        await say(store.conversations, 1, HERE)
        machine.ahead += jump
        during = await store.keep(REQUEST, person=1)
        await store.expiry.expire()
        assert await store.find(before) == await store.find(during) == REQUEST
        machine.elapsed += BELIEVED_SECONDS / 2
        await store.expiry.expire()
        machine.ahead -= jump
        await store.expiry.expire()
        assert await store.find(before) == await store.find(during) == REQUEST
        assert len(await place.rows(EXCHANGES)) == 1


async def test_a_jump_that_lasts_is_believed_and_a_clock_that_drifts_is_followed() -> None:
    machine = Machine()
    machine.ahead += DAYS
    assert machine.clock() == 1_000_000_050.0
    machine.elapsed += BELIEVED_SECONDS - 1
    assert machine.clock() == 1_000_000_049.0 + BELIEVED_SECONDS
    machine.ahead += 2 * SLIP_SECONDS  # another jump begins anew
    assert machine.clock() == 1_000_000_049.0 + BELIEVED_SECONDS
    machine.elapsed += BELIEVED_SECONDS
    assert machine.clock() == machine.ahead + machine.elapsed
    for _ in range(100):
        machine.ahead += SLIP_SECONDS
        assert machine.clock() == machine.ahead + machine.elapsed


async def test_a_start_with_a_clock_that_is_ahead_deletes_nothing_at_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    clock = Clock()
    async with place.open(now=clock) as store:
        await store.keep(REQUEST, person=1)
    clock.now += DAYS
    async with place.open(now=clock) as store:
        await store.expiry._periodically()
        assert len(await place.rows(REQUESTS)) == 1
        assert "nothing was kept for 40 days" in caplog.text
        await store.expiry._periodically()  # an hour later
        assert await place.rows(REQUESTS) == []


async def test_a_start_after_a_while_deletes_at_once(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await store.keep(REQUEST, person=1)
        clock.now += KEPT_SECONDS
        new = await store.keep(REQUEST, person=1)
    clock.now += DISTRUSTED_SECONDS
    async with place.open(now=clock) as store:
        await store.expiry._periodically()
        assert [row[0] for row in await place.rows(REQUESTS)] == [new]


async def test_what_a_clock_of_the_future_has_written_holds_nobody_up(place: Place) -> None:
    async with place.open() as dead, place.open() as alive:
        assert await dead.processes.leases.take("chat 1")
        assert not await alive.processes.leases.take("chat 1")
        await place.change("UPDATE processes SET seen = seen + 3456000", "UPDATE leases SET taken = taken + 3456000")
        assert await alive.processes.leases.take("chat 1")


async def test_uses_of_the_future_use_no_quota_up(place: Place) -> None:
    async with place.open() as store:
        uses: Any = store.quota_uses
        assert await uses.acquire_entry("quota/1/2/x", 1, 3600)
        assert not await uses.acquire_entry("quota/1/2/x", 1, 3600)
        await place.change("UPDATE quota_uses SET used = used + 3456000")
        assert await uses.acquire_entry("quota/1/2/x", 1, 3600)
