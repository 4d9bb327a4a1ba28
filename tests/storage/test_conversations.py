from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bot.errors import Refused, RequestForgotten, Unanswered
from bot.storage import KEPT_SECONDS, RequestStore
from bot.storage.conversations import MOST_WAITING, Conversations, Turn
from bot.storage.opt_outs import OptOuts, ReadAlong
from bot.storage.tables import EXCHANGES, REQUESTS
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from bot.tasks.generate import GenerateRequest
from bot.tasks.work.request import WorkRequest
from tests.storage.conftest import Place
from tests.timers import PATIENCE

HERE, THERE, ALICE = 2**60, 2, 7
SECRET = "swordfish"


class Clock:
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def exchange(number: int = 1) -> Exchange:
    return Exchange("alice", f"message {number}", f"answer {number}")


async def say(conversations: Conversations, number: int, place: int = HERE) -> None:
    async with conversations.turn(place) as turn:
        await conversations.keep(turn, place, ALICE, exchange(number))


async def history(conversations: Conversations, place: int = HERE) -> list[str]:
    async with conversations.turn(place) as turn:
        return [one.message.removeprefix("message ") for one in turn.history]


async def test_survives_a_restart_in_order(place: Place) -> None:
    async with place.open() as store:
        for number in range(3):
            await say(store.conversations, number)
    async with place.open() as store, store.conversations.turn(HERE) as turn:
        assert turn.history == (exchange(0), exchange(1), exchange(2))
    assert {row[2] for row in await place.rows(EXCHANGES)} == {ALICE}


async def test_each_channel_has_its_own(place: Place) -> None:
    async with place.open() as store:
        await say(store.conversations, 1, HERE)
        await say(store.conversations, 2, THERE)
        assert await history(store.conversations, HERE) == ["1"]
        assert await history(store.conversations, THERE) == ["2"]


async def test_the_oldest_are_forgotten(place: Place) -> None:
    async with place.open() as store:
        await say(store.conversations, 99, THERE)
        for number in range(MOST_EXCHANGES + 3):
            await say(store.conversations, number)
        assert await history(store.conversations) == [str(number) for number in range(3, MOST_EXCHANGES + 3)]
        assert await history(store.conversations, THERE) == ["99"]
    assert len(await place.rows(EXCHANGES)) == MOST_EXCHANGES + 1


async def test_forgotten_after_thirty_days(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        await say(store.conversations, 1)
        clock.now += KEPT_SECONDS
        await say(store.conversations, 2)
        assert await history(store.conversations) == ["1", "2"]
        clock.now += 1
        assert await history(store.conversations) == ["2"]


class TestForget:
    async def test_deletes_what_was_said_there_and_nothing_else(self, place: Place) -> None:
        async with place.open() as store:
            await say(store.conversations, 1)
            await say(store.conversations, 2, THERE)
            asked = ChatRequest(SECRET, HERE, "alice", (exchange(1),))
            gone = [await store.keep(one, person=ALICE) for one in (asked, WorkRequest.of(asked, ((1, 2),)))]
            stays = [
                await store.keep(ChatRequest("hello", THERE, "alice"), person=ALICE),
                await store.keep(GenerateRequest("Once"), person=ALICE),
                await store.keep(WorkRequest.of(ChatRequest("hello", THERE, "alice")), person=ALICE),
                await store.keep(WorkRequest.of(GenerateRequest("Once")), person=ALICE),
            ]

            await store.conversations.forget(HERE)

            assert await history(store.conversations) == []
            assert await history(store.conversations, THERE) == ["2"]
            for identity in gone:
                with pytest.raises(RequestForgotten):
                    await store.find(identity)
            for identity in stays:
                await store.find(identity)
        assert SECRET not in str(await place.rows(REQUESTS))

    async def test_what_cannot_be_read_is_no_obstacle(self, place: Place) -> None:
        async with place.open() as store:
            await store.keep(ChatRequest(SECRET, HERE, "alice"), person=ALICE)
            await place.change("UPDATE requests SET content = content || '}'")
            await say(store.conversations, 1)

            await store.conversations.forget(HERE)
        assert await place.rows(EXCHANGES) == await place.rows(REQUESTS) == []

    async def test_what_is_being_answered_is_not_kept(self, place: Place) -> None:
        async with place.open() as store:
            async with store.conversations.turn(HERE) as turn:
                await store.conversations.forget(HERE)
                await store.conversations.keep(turn, HERE, ALICE, exchange())
            assert await history(store.conversations) == []

    async def test_nor_what_is_kept_for_the_buttons_under_it(self, place: Place) -> None:
        async with place.open() as store:
            asked = ChatRequest("Why?", HERE, "alice", (Exchange("alice", SECRET, "x"),))
            other = ChatRequest("Why?", THERE, "alice", (exchange(),))
            async with store.conversations.turn(HERE):
                await store.conversations.forget(HERE)
                await store.keep(WorkRequest.of(asked, ((1, 2),)), person=ALICE)
                stays = await store.keep(WorkRequest.of(other), person=ALICE)
            await store.find(stays)
        assert SECRET not in str(await place.rows(REQUESTS))

    async def test_a_conversation_of_one_person_is_no_channels(self, place: Place) -> None:
        async with place.open() as store:
            await say(store.conversations, 1, -HERE)
            await say(store.conversations, 2, HERE)
            work = await store.keep(WorkRequest.of(ChatRequest("Why?", HERE, "alice")), person=ALICE)
            await store.conversations.forget(-HERE)
            assert await history(store.conversations, -HERE) == []
            assert await history(store.conversations, HERE) == ["2"]
            await store.find(work)

    async def test_by_who_speaks(self, place: Place) -> None:
        async with place.open() as store:
            await say(store.conversations, 1)
            async with store.conversations.turn(HERE) as turn:
                await store.conversations.forget(HERE)
                turn.begin_anew()
                assert turn.history == ()
                await store.conversations.keep(turn, HERE, ALICE, exchange(2))
            assert await history(store.conversations) == ["2"]


async def test_what_databases_do_not_take_is_replaced(place: Place) -> None:
    async with place.open() as store:
        async with store.conversations.turn(HERE) as turn:
            await store.conversations.keep(turn, HERE, ALICE, Exchange("al\0ice", "\ud83d", "a\0"))
        async with store.conversations.turn(HERE) as turn:
            assert turn.history == (Exchange("al\N{REPLACEMENT CHARACTER}ice", "?", "a\N{REPLACEMENT CHARACTER}"),)


class TestTurns:
    async def test_one_after_the_other_in_the_order_of_asking(self, place: Place) -> None:
        async with place.open() as store:
            conversations = store.conversations
            seen: dict[int, int] = {}

            async def speak(number: int) -> None:
                async with conversations.turn(HERE) as turn:
                    seen[number] = len(turn.history)
                    await conversations.keep(turn, HERE, ALICE, exchange(number))

            await asyncio.gather(*map(speak, range(5)))

            assert seen == {number: number for number in range(5)}
            assert await history(conversations) == list("01234")

    async def test_nobody_gets_ahead_of_those_who_tell_discord_first_that_they_wait(self) -> None:
        async with RequestStore.open(None) as store:
            conversations = store.conversations
            told, may_go_on, order = asyncio.Event(), asyncio.Event(), []

            async def tell() -> None:
                told.set()
                await may_go_on.wait()

            async def speak(number: int, meanwhile: Any = None) -> None:
                async with conversations.turn(HERE, meanwhile):
                    order.append(number)

            async with conversations.turn(HERE):
                slow = asyncio.create_task(speak(1, tell))
                await told.wait()
                quick = asyncio.create_task(speak(2))
            third = asyncio.create_task(speak(3))
            may_go_on.set()
            await asyncio.gather(slow, quick, third)
            assert order == [1, 2, 3]

    async def test_who_cannot_tell_discord_that_they_wait_keeps_nobody_waiting(self) -> None:
        async with RequestStore.open(None) as store:
            conversations, failed = store.conversations, asyncio.Event()

            async def fail() -> None:
                failed.set()
                raise OSError

            async def speak() -> None:
                async with conversations.turn(HERE, fail):
                    raise AssertionError

            async with conversations.turn(HERE):
                speaking = asyncio.create_task(speak())
                await failed.wait()
                with pytest.raises(OSError):  # noqa: PT011
                    await speaking
            async with conversations.turn(HERE, fail):  # which is not done by those who need not wait
                pass
            assert not conversations._waiting

    async def test_channels_do_not_wait_for_each_other(self) -> None:
        async with RequestStore.open(None) as store, store.conversations.turn(HERE):
            assert store.conversations.is_busy(HERE)
            assert not store.conversations.is_busy(THERE)
            async with asyncio.timeout(PATIENCE), store.conversations.turn(THERE):
                pass

    async def test_busy_also_between_two_turns(self) -> None:
        async with RequestStore.open(None) as store:
            turn = store.conversations.turn(HERE)
            await turn.__aenter__()
            waiting = asyncio.create_task(say(store.conversations, 1))
            await asyncio.sleep(0)
            await turn.__aexit__(None, None, None)
            assert store.conversations.is_busy(HERE)
            await waiting
            assert not store.conversations.is_busy(HERE)

    async def test_too_many_are_refused(self) -> None:
        async with RequestStore.open(None) as store:
            conversations = store.conversations
            async with conversations.turn(HERE):
                waiting = [asyncio.create_task(say(conversations, number)) for number in range(MOST_WAITING - 1)]
                await asyncio.sleep(0)
                with pytest.raises(Refused, match="already waiting"):
                    async with conversations.turn(HERE):
                        pass
                gone = waiting.pop()
                gone.cancel()
                await asyncio.wait((gone,))
                waiting.append(asyncio.create_task(say(conversations, 9)))
            await asyncio.gather(*waiting)
            assert await history(conversations) == [*"0123", "9"]

    async def test_nothing_is_left_of_channels_where_nobody_speaks(self) -> None:
        async with RequestStore.open(None) as store:
            for place in range(50):
                await say(store.conversations, 1, place)
            assert not store.conversations._locks
            assert not store.conversations._waiting
            assert not store.conversations._turns


async def test_a_database_that_breaks_costs_no_answer(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with place.open() as store:
        await place.change(
            "DROP TABLE exchanges", "DROP TABLE words_in_requests", "DROP TABLE guesses", "DROP TABLE requests"
        )
        assert await history(store.conversations) == []
        await say(store.conversations, 1)
        with pytest.raises(Unanswered, match="could not delete"):
            await store.conversations.forget(HERE)
    for sentence in ("cannot be read", "cannot be kept", "cannot be forgotten"):
        error = "OperationalError" if place.dialect == "sqlite" else "ProgrammingError"
        assert f"a conversation {sentence}: {error}" in caplog.text


BOB = 8


async def tell(store: RequestStore, person: int, number: int, question: int | None = None) -> str:
    """Somebody says something, and an answer with a button that repeats it is kept."""
    async with store.conversations.turn(HERE, person=person) as turn:
        asked = ChatRequest(f"message {number}", HERE, "x", turn.history, conversation=turn.conversation)
        identity = await store.keep(WorkRequest.of(asked), person=person)
        await store.conversations.keep(turn, HERE, person, exchange(number), question=question)
        return identity


async def heard(store: RequestStore, person: int) -> list[str]:
    async with store.conversations.turn(HERE, person=person) as turn:
        return [one.message.removeprefix("message ") for one in turn.history]


class TestOptOut:
    async def test_lines_are_read_for_their_writer_only(self, place: Place) -> None:
        async with place.open() as store:
            await tell(store, ALICE, 1)
            await tell(store, BOB, 2)
            await store.opt_outs.set(BOB, ReadAlong.CHAT, True)
            await store.opt_outs.set(ALICE, ReadAlong.MOODS, True)

            assert await heard(store, ALICE) == ["1"]
            assert await heard(store, BOB) == ["1", "2"]

    async def test_if_it_is_not_known_nobody_elses_are(
        self, sqlite: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(*arguments: Any) -> Any:
            raise OSError

        async with sqlite.open() as store:
            await tell(store, ALICE, 1)
            await tell(store, BOB, 2)
            monkeypatch.setattr(OptOuts, "among", fail)
            assert await heard(store, ALICE) == ["1"]
            assert "it is not known who has opted out" in caplog.text


class TestDeletedQuestion:
    async def test_takes_its_exchange_and_what_repeats_it(self, place: Place) -> None:
        clock = Clock()
        async with place.open(now=clock) as store:
            requests = []
            for number, question in enumerate([None, 2**59, 2**59 + 1]):
                clock.now += 10
                requests.append(await tell(store, ALICE, number, question))

            await store.conversations.forget_messages({2**59, 4})
            await store.conversations.forget_messages({5})

            assert await heard(store, ALICE) == ["0", "2"]
            await store.find(requests[0])
            for identity in requests[1:]:
                with pytest.raises(RequestForgotten):
                    await store.find(identity)
            await store.find(await tell(store, ALICE, 3, 9))

    async def test_waits_for_an_answer_under_way_that_knows_it(self, place: Place) -> None:
        async with place.open() as store:
            await tell(store, ALICE, 1, 5)
            async with store.conversations.turn(HERE, person=BOB) as turn:
                deleting = asyncio.create_task(store.conversations.forget_messages({5}))
                while store.conversations._waiting[HERE] < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                asked = ChatRequest("Why?", HERE, "bob", turn.history, conversation=turn.conversation)
                identity = await store.keep(WorkRequest.of(asked), person=BOB)
                await store.conversations.keep(turn, HERE, BOB, exchange(2))
            await deleting

            with pytest.raises(RequestForgotten):
                await store.find(identity)
            assert await heard(store, BOB) == ["2"]

    async def test_nothing_of_a_turn_that_is_given_up_stays(self, place: Place) -> None:
        clock = Clock()
        async with place.open(now=clock) as store:
            before = await tell(store, ALICE, 1)
            clock.now += 10
            async with store.conversations.turn(HERE, person=ALICE) as turn:
                asked = ChatRequest(SECRET, HERE, "alice", conversation=turn.conversation)
                identity = await store.keep(asked, person=ALICE)
                await store.conversations.forget_turn(turn, HERE)

            with pytest.raises(RequestForgotten):
                await store.find(identity)
            await store.find(before)

    async def test_of_a_database_that_fails(self, sqlite: Place, caplog: pytest.LogCaptureFixture) -> None:
        async with sqlite.open() as store:
            await sqlite.change("DROP TABLE exchanges", "DROP TABLE requests")
            await store.conversations.forget_messages({5})
            await store.conversations.forget_turn(Turn(), HERE)
            assert "an exchange cannot be forgotten" in caplog.text
            assert "a turn cannot be forgotten" in caplog.text
