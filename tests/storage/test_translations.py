"""Translations under flags: once per message and language, in any number of processes."""

from __future__ import annotations

import asyncio

from bot.storage import KEPT_SECONDS
from bot.storage.tables import TRANSLATIONS
from bot.storage.translations import AGAIN_SECONDS, AT_ONCE, STALE_SECONDS, Due, Translations
from tests.storage.conftest import Place

MESSAGE, CHANNEL, GUILD, REPLY = 2**63 - 1, 20, 30, 40


async def claimed(table: Translations, word: str = "de", message_id: int = MESSAGE) -> bool:
    return await table.claim(message_id, word, channel_id=CHANNEL, guild_id=GUILD)


async def test_one_of_many_translates(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        claims = [claimed(store.translations) for store in (one, other) for _ in range(10)]
        assert sum(await asyncio.gather(*claims)) == 1
        assert await claimed(other.translations, "fr")
        assert await one.translations.find(MESSAGE, "de") is None
        assert await one.translations.posted(MESSAGE, "de", REPLY, None)
        assert await other.translations.find(MESSAGE, "de") == REPLY
        await other.translations.withdraw(MESSAGE)  # it is deleted while it is translated
        assert not await one.translations.posted(MESSAGE, "fr", REPLY, None)
        assert await claimed(one.translations, "fr")
    async with place.open() as store:
        assert not await claimed(store.translations)


async def test_what_a_process_has_begun_before_it_died(place: Place) -> None:
    now = 1_000.0
    async with place.open(now=lambda: now) as store:
        assert await claimed(store.translations)
        assert await claimed(store.translations, "fr")
        await store.translations.posted(MESSAGE, "fr", REPLY, None)
        now += STALE_SECONDS - 1
        assert not await claimed(store.translations)
        now += 2
        assert await claimed(store.translations)
        assert not await claimed(store.translations)
        assert not await claimed(store.translations, "fr")


async def test_deadlines_outlive_the_process_and_are_met_by_one(place: Place) -> None:
    now = 1_000.0
    async with place.open(now=lambda: now) as store:
        for word, seconds in (("de", 60.0), ("fr", 120.0), ("it", None)):
            await claimed(store.translations, word)
            await store.translations.posted(MESSAGE, word, REPLY, seconds)
        await claimed(store.translations, "es")
        assert await store.translations.due() == []
    now += 60
    async with place.open(now=lambda: now) as one, place.open(now=lambda: now) as other:
        found = await asyncio.gather(one.translations.due(), other.translations.due())
        assert sorted(found, key=len) == [[], [Due(f"{MESSAGE}:de", CHANNEL, REPLY)]]
        now += AGAIN_SECONDS  # it was not deleted
        assert {due.id for due in await one.translations.due()} == {f"{MESSAGE}:de", f"{MESSAGE}:fr"}
        await one.translations.deleted(Due(f"{MESSAGE}:de", CHANNEL, REPLY))
        now += AGAIN_SECONDS
        assert [due.id for due in await other.translations.due()] == [f"{MESSAGE}:fr"]
        await other.translations.withdraw(MESSAGE)
        assert {due.id for due in await one.translations.due()} == {f"{MESSAGE}:fr", f"{MESSAGE}:it"}
        assert await claimed(one.translations)


async def test_not_all_at_once_and_not_for_ever(place: Place) -> None:
    now = 1_000.0
    async with place.open(now=lambda: now) as store:
        for number in range(AT_ONCE + 1):
            await claimed(store.translations, message_id=number)
            await store.translations.posted(number, "de", REPLY, 0)
        assert [len(await store.translations.due()) for _ in range(2)] == [AT_ONCE, 1]
        now += KEPT_SECONDS + 1
        await store.expiry.expire()
    assert await place.rows(TRANSLATIONS) == []
