"""What is kept about a person: all of it is counted, exported and deleted, and nothing brings it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from bot.errors import RequestForgotten, Unanswered
from bot.request_ids import add_words_of, request_id, words_of
from bot.storage import RequestStore
from bot.storage.erasures import unless_erased
from bot.storage.opt_outs import ReadAlong
from bot.storage.personal import personal_data
from bot.storage.personal.holdings import HOLDINGS, WITHOUT_PERSONAL_DATA
from bot.storage.personal.personal_data import UNREADABLE
from bot.storage.tables import METADATA, REQUESTS, WORDS_IN_REQUESTS, WRITING
from bot.storage_keys import new_key
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.sentiment import SentimentRequest
from tests.storage.conftest import Place
from tests.storage.test_requests import Clock

ALICE, BOB, CAROL = 7, 8, 9
CHANNEL = 5
BEFORE, NOW, AFTER = 1_000, 2_000, 3_000
"""Ids of interactions: before a deletion, of the deletion, and after it."""


@pytest.fixture(autouse=True)
def _before() -> Iterator[None]:
    token, words = request_id.set(str(BEFORE)), words_of.set(frozenset())
    yield
    request_id.reset(token)
    words_of.reset(words)


async def say(store: RequestStore, person: int, said: str) -> str:
    """Somebody says something in the channel; gives the id of the request behind the answer's buttons."""
    async with store.conversations.turn(CHANNEL) as turn:
        request = ChatRequest(said, CHANNEL, str(person), turn.history, conversation=turn.conversation)
        identity = await store.keep(request, person=person)
        await store.conversations.keep(turn, CHANNEL, person, Exchange(str(person), said, f"answer to {said}"))
    return identity


async def counts(store: RequestStore, person: int) -> dict[str, int]:
    held = await store.personal_data.held(person, NOW)
    return {one.holding.name: one.count for one in held if one.count}


async def said_in(store: RequestStore) -> list[str]:
    async with store.conversations.turn(CHANNEL) as turn:
        return [one.message for one in turn.history]


async def is_there(store: RequestStore, identity: str) -> bool:
    try:
        await store.find(identity)
    except RequestForgotten:
        return False
    finally:
        words_of.set(frozenset())
    return True


async def fill(store: RequestStore) -> None:
    """Keep a row about Alice in every table that has some."""
    await say(store, ALICE, "alice's")
    await say(store, BOB, "bob's")
    await store.opt_outs.set(ALICE, ReadAlong.MOODS, True)
    await store.processes.unanswered.keep(
        BEFORE, 5, json.dumps({"token": "s3cret", "data": {"said": "alice's"}}), ALICE
    )
    await store.database.run(insert(WRITING).values(id="w", process="p", person=ALICE, stopped=False))
    await store.batches.add(ALICE, None, "{}", b"file")
    [[batch]] = await store.database.rows(text("SELECT id FROM batches"))
    await store.batches.keep(batch, 0, "[]")
    [(mine,), *_] = await store.database.rows(select(REQUESTS.c.id).where(REQUESTS.c.person == ALICE))
    await store.guesses.guess(mine, ALICE, 0)
    for holding in HOLDINGS:
        if not (await counts(store, ALICE)).get(holding.name):
            # A table of another feature: any values will do.
            values = {c.name: _any_value(c) for c in holding.table.c if not c.nullable or c.name == "person"}
            await store.database.run(insert(holding.table).values(**values | {"person": ALICE}))


def _any_value(column: Any) -> Any:
    if column.name in {"content", "payload"}:
        return "{}"
    return False if column.type.python_type is bool else column.type.python_type(1)


def test_every_table_is_known() -> None:
    """For a new table, say in bot/storage/personal/holdings.py what it has about a person, or that it has nothing."""
    held = {one.table.name for one in HOLDINGS}
    assert set(METADATA.tables) <= held | WITHOUT_PERSONAL_DATA
    assert not held & WITHOUT_PERSONAL_DATA
    assert len({one.name for one in HOLDINGS}) == len(HOLDINGS)
    for name in WITHOUT_PERSONAL_DATA.intersection(METADATA.tables) - {WORDS_IN_REQUESTS.name}:
        assert not {"person", "author", "user_id"} & set(METADATA.tables[name].c.keys()), name


async def test_everything_is_counted_exported_and_deleted(place: Place) -> None:
    async with place.open(keys=[new_key()]) as store:
        await fill(store)
        assert set(await counts(store, ALICE)) == {one.name for one in HOLDINGS}
        assert await counts(store, CAROL) == {}
        for one in await store.personal_data.held(ALICE, NOW):
            assert (one.oldest is None) == (one.holding.created is None)

        export = json.loads((await store.personal_data.export(ALICE, NOW)).data)
        assert export["person"] == str(ALICE)
        data = export["data"]
        assert [len(data[one.name]["rows"]) for one in HOLDINGS if one.shown] == [1] * len(
            [one for one in HOLDINGS if one.shown]
        )
        assert data["conversations"]["rows"][0]["message"] == "alice's"
        assert data["requests"]["rows"][0]["content"]["message"] == "alice's"
        assert data["unanswered"]["rows"][0]["payload"] == {"said": "alice's"}
        assert "bob's" not in str(export)  # what others have said is theirs, even where it repeats hers
        assert "s3cret" not in str(export)

        erased = {one.holding.name: one.count for one in await store.personal_data.erase(ALICE, NOW)}
        staying = {one.name for one in HOLDINGS if one.stays or one.on_request}
        assert erased == {one.name: 1 for one in HOLDINGS if one.name not in staying}
        assert set(await counts(store, ALICE)) == staying | {"writing"}
        assert [row.stopped for row in await store.database.rows(select(WRITING))] == [True]
        assert await said_in(store) == ["bob's"]

        await store.personal_data.erase(ALICE, AFTER, on_request=True)
        assert await store.opt_outs.of(ALICE) == frozenset()
        assert (await counts(store, BOB))["conversations"] == 1


async def test_requests_of_others_that_repeat_ones_words_go_too(place: Place) -> None:
    async with place.open() as store:
        before = await say(store, BOB, "before her")
        hers = await say(store, ALICE, "swordfish")
        after = await say(store, BOB, "after her")
        # The work behind somebody's answer, which another person opens.
        await store.find(hers)
        opened = await store.keep(SentimentRequest("swordfish"), person=CAROL)
        words_of.set(frozenset())
        add_words_of([ALICE])
        menu = await store.keep(SentimentRequest("swordfish"), person=BOB)  # about a message of hers
        words_of.set(frozenset())
        other = await store.keep(SentimentRequest("other"), person=BOB)
        assert (await counts(store, ALICE))["words_in_requests"] == 3

        await store.personal_data.erase(ALICE, NOW)
        there = [await is_there(store, one) for one in (before, hers, after, opened, menu, other)]
        assert there == [True, False, False, False, False, True]
        assert "swordfish" not in str(await store.database.rows(text("SELECT * FROM requests")))


async def test_requests_of_an_earlier_version_go_where_one_took_part(place: Place) -> None:
    async with place.open() as store:
        await say(store, ALICE, "swordfish")
        theirs = await say(store, BOB, "bob's")
        async with store.conversations.turn(6):
            elsewhere = await store.keep(ChatRequest("elsewhere", 6, "bob"), person=BOB)
        await store.database.run(text("DELETE FROM words_in_requests"))
        await store.personal_data.erase(ALICE, NOW)
        assert not await is_there(store, theirs)
        assert await is_there(store, elsewhere)


async def test_no_answer_under_way_brings_it_back(place: Place) -> None:
    """What was asked before the deletion is written after it: by the person, and by others with their words."""
    async with place.open() as here, place.open() as there:
        await say(here, ALICE, "hers")
        async with there.conversations.turn(CHANNEL) as turn:
            history = turn.history
            await here.personal_data.erase(ALICE, NOW)
            request = ChatRequest("bob's", CHANNEL, "bob", history, conversation=turn.conversation)
            theirs = await there.keep(request, person=BOB)
            await there.conversations.keep(turn, CHANNEL, ALICE, Exchange("alice", "hers", "answer"))
            await there.conversations.keep(turn, CHANNEL, BOB, Exchange("bob", "his", "answer"))
        hers = await there.keep(SentimentRequest("hers"), person=ALICE)
        await there.processes.unanswered.keep(BEFORE, 5, "{}", ALICE)
        written = await unless_erased(there.database, {BOB, ALICE}, lambda _: True)
        assert not await is_there(there, theirs)
        assert not await is_there(there, hers)
        assert written is None
        assert set(await counts(there, ALICE)) == {"erasures"}
        assert await said_in(there) == ["his"]

        request_id.set(str(AFTER))  # what comes later is kept
        await say(there, ALICE, "anew")
        assert (await counts(there, ALICE)) == {"requests": 1, "conversations": 1, "erasures": 1}
        assert await unless_erased(there.database, {ALICE}, lambda _: True)
        # A second deletion, by an older interaction that was late, does not let the first one's time go back.
        await here.personal_data.erase(ALICE, BEFORE)
        request_id.set(str(NOW - 1))
        await say(there, ALICE, "older")
        assert (await counts(there, ALICE)) == {"erasures": 1}


async def test_while_many_write(place: Place) -> None:
    """In whatever order they come: what was asked before the deletion is gone after it."""
    async with place.open() as here, place.open() as there:

        async def write(store: RequestStore, number: int) -> None:
            request_id.set(str(BEFORE))
            add_words_of([ALICE] if number % 2 else [])
            await store.keep(SentimentRequest("hers"), person=BOB if number % 2 else ALICE)

        async def erase() -> None:
            await asyncio.sleep(0)
            await there.personal_data.erase(ALICE, NOW)

        await asyncio.gather(*(write((here, there)[one % 3 == 0], one) for one in range(24)), erase())
        assert set(await counts(here, ALICE)) == {"erasures"}
        assert await here.database.rows(text("SELECT * FROM requests WHERE person = 8")) == []


async def test_it_happens_as_a_whole_or_not_at_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.open() as store:
        await fill(store)
        before = await counts(store, ALICE)
        last = next(one for one in reversed(HOLDINGS) if not one.stays and not one.on_request)

        def fail(connection: Connection, person: int) -> int:
            connection.execute(text("SELECT * FROM no_such_table"))
            raise AssertionError

        object.__setattr__(last, "erasing", fail)
        try:
            with pytest.raises(Unanswered) as caught:
                await store.personal_data.erase(ALICE, NOW)
        finally:
            object.__setattr__(last, "erasing", None)
        assert "could not delete" in caught.value.sentence
        assert await counts(store, ALICE) == before
        await say(store, ALICE, "still")  # nor does anything think that it was deleted
        assert (await counts(store, ALICE))["conversations"] == before["conversations"] + 1


async def test_an_export_is_bounded_and_says_so(sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "MOST_BYTES", 4_000)
    clock = Clock()
    async with sqlite.open(now=clock) as store:
        for number in range(30):
            clock.now += 1
            await store.keep(SentimentRequest(f"{number} " + "é" * 40), person=ALICE)
        export = await store.personal_data.export(ALICE, NOW)
        found = json.loads(export.data)["data"]["requests"]
        assert 1 < len(found["rows"]) < 30
        assert found["rows"][0]["content"]["text"].startswith("29 ")  # the newest
        assert export.left_out == found["left out because the file would be too large"] == 30 - len(found["rows"])
        assert len(export.data) < 2 * 4_000


async def test_a_lost_key_hides_texts_and_nothing_else(sqlite: Place) -> None:
    async with sqlite.open(keys=[new_key()]) as store:
        await say(store, ALICE, "hers")
    async with sqlite.open(keys=[new_key()]) as store:
        rows = json.loads((await store.personal_data.export(ALICE, NOW)).data)["data"]["conversations"]["rows"]
        assert [row["message"] for row in rows] == [UNREADABLE]
        await store.personal_data.erase(ALICE, NOW)
        assert set(await counts(store, ALICE)) == {"erasures"}


async def test_a_database_that_fails_claims_nothing(sqlite: Place) -> None:
    async with sqlite.open() as store:
        await sqlite.change("DROP TABLE exchanges")
        for call in (store.personal_data.held, store.personal_data.export, store.personal_data.erase):
            with pytest.raises(Unanswered) as caught:
                await call(ALICE, NOW)
            assert "again" in caught.value.sentence
