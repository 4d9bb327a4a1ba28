"""People's own languages are at hand, whatever the database does."""

from __future__ import annotations

import asyncio

import pytest

from bot.servers.own_languages import OwnLanguages
from bot.storage import RequestStore
from bot.storage.own_languages import OwnLanguagesTable
from tests.timers import turns

ALICE, BOB = 7, 8


async def test_what_is_read_when_nobody_waits() -> None:
    async with RequestStore.open(None) as store:
        await store.own_languages.choose(ALICE, "de")
        own = OwnLanguages(store.own_languages)
        assert own.of(BOB) is None
        await own.load()
        assert own.of(ALICE) == "de"
        await own.choose(ALICE, "pt_BR")
        await own.choose(ALICE, "ja")
        assert own.of(ALICE) == "ja"
        assert await store.own_languages.all(10) == {ALICE: "ja"}
        await own.choose(ALICE, None)
        assert own.of(ALICE) is None
        assert await store.own_languages.find(ALICE) is None


async def test_a_read_under_way_does_not_bring_an_older_choice_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RequestStore.open(None) as store:
        go_on = asyncio.Event()

        async def slow(table: OwnLanguagesTable, person: int) -> str | None:
            await go_on.wait()
            return "de"

        monkeypatch.setattr(OwnLanguagesTable, "find", slow)
        own = OwnLanguages(store.own_languages)
        assert own.of(ALICE) is None  # and the read has begun
        await turns()
        await own.choose(ALICE, "ja")
        go_on.set()
        await turns()
        assert own.of(ALICE) == "ja"


async def test_a_database_that_fails_is_asked_once_and_forgiven(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with RequestStore.open(None) as store:
        asked = []

        async def fail(table: OwnLanguagesTable, person: int) -> str | None:
            asked.append(person)
            raise OSError("s3cret")

        await store.own_languages.choose(ALICE, "de")
        own = OwnLanguages(store.own_languages)
        await own.load()
        monkeypatch.setattr(OwnLanguagesTable, "find", fail)
        for _ in range(5):
            assert own.of(ALICE) == "de"
            await turns()
        assert asked == [ALICE]
        assert "cannot be read" in caplog.text
        assert "s3cret" not in caplog.text
