"""Texts at rest: encrypted where there is a key, readable with any of the keys, and never lost when keys change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text, type_coerce
from sqlalchemy.types import Text

from bot.errors import RequestForgotten, RequestUnreadable
from bot.storage import RequestStore
from bot.storage.encryption import MARK, Cipher
from bot.storage.rotation import AT_ONCE, Rotated, Rotation, encrypted_columns, encrypted_tables
from bot.storage.tables import REQUESTS, UNANSWERED
from bot.storage_keys import is_key, new_key
from bot.tasks.chat import Exchange
from bot.tasks.sentiment import SentimentRequest
from tests.storage.conftest import Place

OLD, NEW = new_key(), new_key()
SAID = "swordfish 😀"


async def fill(store: RequestStore) -> str:
    """Keep a text in every column that has people's texts; gives the id of a request."""
    async with store.conversations.turn(1) as turn:
        await store.conversations.keep(turn, 1, 7, Exchange(f"{SAID}s", f"{SAID}m", f"{SAID}a"))
    await store.processes.unanswered.keep(5, 5, f'{{"said": "{SAID}"}}')
    return await store.keep(SentimentRequest(SAID), person=7)


async def stored(store: RequestStore) -> dict[str, list[str]]:
    """Return what stands in those columns."""
    found = {}
    for table in encrypted_tables():
        for column in encrypted_columns(table):
            rows = await store.database.rows(select(type_coerce(column, Text())))
            found[str(column)] = [row[0] for row in rows]
    return found


async def read(store: RequestStore, identity: str) -> None:
    """Check that everything that `fill` kept is there."""
    assert await store.find(identity) == SentimentRequest(SAID)
    async with store.conversations.turn(1) as turn:
        assert turn.history == (Exchange(f"{SAID}s", f"{SAID}m", f"{SAID}a"),)
    [[payload]] = await store.database.rows(select(UNANSWERED.c.payload))
    assert payload == f'{{"said": "{SAID}"}}'


def test_the_columns_with_texts_are_encrypted() -> None:
    columns = {str(column) for table in encrypted_tables() for column in encrypted_columns(table)}
    assert columns >= {
        "requests.content",
        "exchanges.speaker",
        "exchanges.message",
        "exchanges.answer",
        "unanswered.payload",
    }


async def test_with_a_key_no_text_is_stored_as_it_is(place: Place) -> None:
    async with place.open(keys=[NEW]) as store:
        identity = await fill(store)
        written = await stored(store)
        assert all(values and value.startswith(MARK) for values in written.values() for value in values)
        assert "swordfish" not in str(written)
        await read(store, identity)


async def test_encryption_can_be_switched_on_later_and_keys_can_change(place: Place) -> None:
    async with place.open() as store:
        identity = await fill(store)
        assert "swordfish" in str(await stored(store))
        await store.rotation.run()  # without a key, nothing happens
        assert "swordfish" in str(await stored(store))
    for keys in ([OLD], [NEW, OLD], [NEW]):
        async with place.open(keys=keys) as store:
            await read(store, identity)  # before
            await store.rotation.run()
            await read(store, identity)
            prefix = Cipher(keys).prefix
            assert all(value.startswith(prefix) for values in (await stored(store)).values() for value in values)
            assert await store.rotation.rotate() == Rotated()
    async with place.open(keys=[NEW]) as store:
        done = await Rotation(store.database, Cipher([NEW]), Cipher()).rotate()
        assert done.written >= 5
    async with place.open() as store:
        await read(store, identity)


async def test_a_lost_key_costs_a_sentence_and_no_answer(place: Place) -> None:
    async with place.open(keys=[OLD]) as store:
        identity = await fill(store)
    async with place.open(keys=[NEW]) as store:
        with pytest.raises(RequestUnreadable) as caught:
            await store.find(identity)
        assert "STORAGE_KEYS" in caught.value.sentence
        async with store.conversations.turn(1) as turn:
            assert turn.history == ()
            await store.conversations.keep(turn, 1, 7, Exchange("b", "new", "c"))
        async with store.conversations.turn(1) as turn:
            assert turn.history == (Exchange("b", "new", "c"),)
        before = await stored(store)
        assert (await store.rotation.rotate()).unreadable >= 5
        assert await stored(store) == before  # the key may be found again
        # The process that it belonged to has ended, so another one takes it over, and nobody can read it.
        assert await store.processes.unanswered.claim() == []
    async with place.open(keys=[NEW, OLD]) as store:
        assert await store.find(identity) == SentimentRequest(SAID)


async def test_what_was_changed_in_the_database_is_not_believed(place: Place) -> None:
    async with place.open(keys=[NEW]) as store:
        identity = await store.keep(SentimentRequest(SAID), person=7)
        [[content]] = await store.database.rows(select(type_coerce(REQUESTS.c.content, Text())))
        for changed in (content[:-4] + "AAA=", content[:20], content[:10] + "ü"):
            await store.database.run(text("UPDATE requests SET content = :new"), {"new": changed})
            with pytest.raises(RequestForgotten):
                await store.find(identity)


@pytest.mark.parametrize("keys", [[], [NEW]])
@pytest.mark.parametrize("said", ["", MARK, MARK * 2, f"{MARK}abcdefgh:token", "x" * 100_000, "\udc80"])
def test_every_text_comes_back(keys: list[str], said: str) -> None:
    cipher = Cipher(keys)
    assert cipher.decrypt(cipher.encrypt(said)) == said
    assert Cipher([NEW, OLD]).decrypt(cipher.encrypt(said)) == said


async def test_many_rows_are_written_in_steps(sqlite: Place) -> None:
    number = 2 * AT_ONCE + 1
    async with sqlite.open() as store:
        ids = [await store.keep(SentimentRequest(f"{SAID} {one}"), person=7) for one in range(number)]
    async with sqlite.open(keys=[NEW]) as store:
        told: list[Rotated] = []
        assert await store.rotation.rotate(told.append) == Rotated(number)
        assert sorted({one.written for one in told}) == [0, AT_ONCE, 2 * AT_ONCE, number]
        assert await store.find(ids[-1]) == SentimentRequest(f"{SAID} {number - 1}")
    for file in await asyncio.to_thread(lambda: list(sqlite.path.parent.iterdir())):
        assert b"swordfish" not in await asyncio.to_thread(file.read_bytes), file.name


async def test_what_is_deleted_meanwhile_does_not_come_back(place: Place) -> None:
    """Two rotations and a deletion at once: what is there in the end is encrypted, and nothing deleted is there."""
    async with place.open() as store:
        ids = [await store.keep(SentimentRequest(f"{SAID} {one}"), person=7) for one in range(30)]
    async with place.open(keys=[NEW]) as here, place.open(keys=[NEW]) as there:
        gone = text("DELETE FROM requests WHERE id = :id")
        await asyncio.gather(
            here.rotation.rotate(), there.rotation.rotate(), *(here.database.run(gone, {"id": one}) for one in ids[::2])
        )
        rows: Sequence[Any] = await here.database.rows(select(REQUESTS.c.id, type_coerce(REQUESTS.c.content, Text())))
        assert {row[0] for row in rows} == set(ids[1::2])
        assert all(row[1].startswith(Cipher([NEW]).prefix) for row in rows)


def test_keys() -> None:
    assert is_key(new_key())
    assert new_key() != new_key()
    for wrong in ("", "abc", NEW[:-1], NEW + "=", NEW + NEW, "ü" * 44):
        assert not is_key(wrong), wrong
        with pytest.raises(ValueError):  # noqa: PT011  # it has no text, which could show the key
            Cipher([wrong])
    assert NEW not in repr(vars(Cipher([NEW])))
