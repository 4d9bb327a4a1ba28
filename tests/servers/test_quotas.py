"""Quotas: counted together by all processes, given back, and never in the way if the database fails."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import discord
import pytest

from bot.errors import QuotaUsedUp
from bot.servers.directory import Servers
from bot.servers.quotas import ServerQuotas
from bot.servers.settings import ServerSettings
from bot.servers.topics.quotas import DAY, HOUR, Quota, QuotaSettings
from bot.storage import RequestStore
from bot.storage.tables import QUOTA_USES
from tests.storage.conftest import Place

SERVER, OTHER = 10, 11
STUDENTS, GUESTS, FREE = 20, 21, 22


@dataclass(frozen=True)
class Member:
    """A member as far as quotas look at one."""

    id: int
    _roles: tuple[int, ...] = ()


ALICE, BOB = Member(1), Member(2, (STUDENTS,))


async def quotas_of(store: RequestStore, quotas: QuotaSettings | None = None) -> ServerQuotas:
    servers = Servers(store.server_settings)
    if quotas is not None:
        await servers.change(SERVER, lambda now: now.model_copy(update={"quotas": quotas}))
    return ServerQuotas(servers, store.quota_uses)


async def may_ask(quotas: ServerQuotas, member: Member, guild_id: int | None = SERVER) -> bool:
    try:
        async with quotas.use(guild_id, member):
            return True
    except QuotaUsedUp:
        return False


async def test_two_processes_count_together(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        first = await quotas_of(one, QuotaSettings(everybody=Quota(answers=3), roles={STUDENTS: Quota(answers=5)}))
        second = await quotas_of(other)
        asked = await asyncio.gather(*(may_ask(quotas, ALICE) for quotas in (first, second) for _ in range(5)))
        assert sum(asked) == 3
        assert [await may_ask(first, BOB) for _ in range(6)] == [True] * 5 + [False]
        assert await may_ask(first, ALICE, OTHER)
        assert await may_ask(first, ALICE, None)


async def test_a_refusal_says_when_it_works_again(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=2)))
        before = time.time()
        assert [await may_ask(quotas, ALICE) for _ in range(2)] == [True, True]
        with pytest.raises(QuotaUsedUp) as refusal:
            async with quotas.use(SERVER, ALICE):
                pass
        # The oldest use ends it, within the clocks' precision.
        assert before + HOUR - 1 <= refusal.value.until <= time.time() + HOUR + 1
        assert f"<t:{int(-(-refusal.value.until // 1))}:R>" in refusal.value.sentence
        assert "2 answers an hour" in refusal.value.sentence
        # As if an hour had passed since the first.
        await place.change(
            f"UPDATE quota_uses SET used = used - {HOUR} WHERE number = (SELECT min(number) FROM quota_uses)"
        )
        assert [await may_ask(quotas, ALICE) for _ in range(2)] == [True, False]


async def test_a_lower_quota_holds_for_what_was_used_before(place: Place) -> None:
    async with place.open() as store:
        uses = store.quota_uses
        key = f"quota/{SERVER}/{ALICE.id}/x"
        assert all([await uses.acquire_entry(key, 9, HOUR) for _ in range(4)])
        newest = sorted(row[-1] for row in await place.rows(QUOTA_USES))
        assert await uses.get_moving_window(key, 2, HOUR) == (newest[-2], 2)
        await uses.clear(key)
        assert (await uses.get_moving_window(key, 2, HOUR))[1] == 0
        assert await uses.check()


async def test_what_could_not_be_answered_costs_nothing(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=1)))
        for _ in range(3):
            with contextlib.suppress(RuntimeError):
                async with quotas.use(SERVER, ALICE):
                    raise RuntimeError
        assert await place.rows(QUOTA_USES) == []
        assert await may_ask(quotas, ALICE)


async def test_if_the_database_fails_nothing_is_counted(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=1)))
        await place.change("DROP TABLE quota_uses")
        assert [await may_ask(quotas, ALICE) for _ in range(3)] == [True] * 3
        assert await store.quota_uses.check()


async def test_a_failing_database_is_told_once_and_hides_no_error(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=1)))
        with pytest.raises(LookupError):
            await _fail(quotas, place.change("DROP TABLE quota_uses"))
        [told] = caplog.messages
        assert re.fullmatch(r"an answer that did not come is counted: \w+Error at .+", told)
        caplog.clear()
        with pytest.raises(LookupError):
            await _fail(quotas, asyncio.sleep(0))
        [told] = caplog.messages  # what was not counted is not given back
        assert re.fullmatch(r"an answer cannot be counted: \w+Error at .+", told)


async def _fail(quotas: ServerQuotas, first: Awaitable[None]) -> None:
    """Ask, do something, and fail."""
    async with quotas.use(SERVER, ALICE):
        await first
        raise LookupError


async def test_a_refusal_counts_from_ones_own_oldest_use(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=1)))
        assert await may_ask(quotas, ALICE)
        await place.change("UPDATE quota_uses SET used = used - 600")
        assert await may_ask(quotas, Member(3))
        with pytest.raises(QuotaUsedUp) as refusal:
            async with quotas.use(SERVER, ALICE):
                pass
        assert refusal.value.until <= time.time() + HOUR - 600 + 1


async def test_somebody_who_is_only_known_by_their_id_has_the_quota_of_everybody(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=1), roles={STUDENTS: None}))
        known: Any = discord.Object(5)
        assert [await may_ask(quotas, known), await may_ask(quotas, known)] == [True, False]


async def test_old_uses_expire(place: Place) -> None:
    async with place.open() as store:
        quotas = await quotas_of(store, QuotaSettings(everybody=Quota(answers=5)))
        assert await may_ask(quotas, ALICE)
        await store.expiry.expire()
        assert len(await place.rows(QUOTA_USES)) == 1
        await place.change(f"UPDATE quota_uses SET used = used - {8 * DAY}")
        await store.expiry.expire()
        assert await place.rows(QUOTA_USES) == []


@pytest.mark.parametrize(
    ("roles", "quota"),
    [
        ((), 10),
        ((GUESTS,), 2),
        ((GUESTS, STUDENTS), 100),
        ((GUESTS, FREE), None),
        ((99,), 10),
    ],
)
def test_the_most_generous_role_counts(roles: tuple[int, ...], quota: int | None) -> None:
    settings = QuotaSettings(
        everybody=Quota(answers=10),
        roles={GUESTS: Quota(answers=2), STUDENTS: Quota(answers=100, seconds=DAY), FREE: None},
    )
    found = settings.of(roles)
    assert (None if found is None else found.answers) == quota


def test_no_quota_unless_one_is_set() -> None:
    assert ServerSettings().quotas.of((1, 2)) is None
