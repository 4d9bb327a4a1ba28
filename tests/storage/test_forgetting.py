"""What is written while a conversation is deleted: step by step, in every order that is tried.

Two stores share one database, as two processes would: what locks out a connection locks out a process. On SQLite a step
is a transaction, during which nobody else can write; on PostgreSQL it is a statement, which may wait for a lock.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, func, literal_column, select, text

from bot.errors import RequestForgotten
from bot.storage import RequestStore
from bot.storage.conversations import Turn
from bot.storage.database import Database
from bot.storage.postgresql import PostgreSQLDatabase
from bot.storage.tables import EXCHANGES, REQUESTS
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest
from tests.storage.conftest import Place
from tests.timers import turns

ALICE, BOB = 7, 8
ROUNDS, MANY_ROUNDS = 60, 200
"""Orders that are tried, and those that `make test-all` tries. Without the check or the lock the second one fails."""
ORDERS = 60

ACTOR: ContextVar[str] = ContextVar("actor")
BLOCKED = select(func.count()).select_from(text("pg_locks")).where(literal_column("NOT granted"))
Choose = Callable[[Sequence[str]], str]
"""Whose step is next, of those who wait with one."""


class Schedule:
    """Lets one step run at a time, in an order that somebody chooses.

    Args:
        blocked: returns how many of the steps that have begun wait for a lock.
    """

    def __init__(self, blocked: Callable[[], Awaitable[int]]) -> None:
        self._blocked = blocked
        self._waiting: dict[str, asyncio.Event] = {}
        self._begun: set[str] = set()
        self._is_on = False

    async def begin(self) -> None:
        """Wait for the turn of a step of the actor that runs here."""
        if self._is_on:
            go = self._waiting[ACTOR.get()] = asyncio.Event()
            await go.wait()

    def end(self) -> None:
        """The step has ended."""
        if self._is_on:
            self._begun.discard(ACTOR.get())

    async def run(self, choose: Choose, **actors: Coroutine[Any, Any, None]) -> list[str]:
        """Run coroutines to their ends; gives whose steps ran, in order."""

        async def act(name: str, actor: Coroutine[Any, Any, None]) -> None:
            ACTOR.set(name)
            await actor

        self._is_on, order = True, []
        tasks = [asyncio.create_task(act(name, actor)) for name, actor in actors.items()]
        while not all(task.done() for task in tasks):
            await self._settle()
            if self._waiting:
                name = choose(sorted(self._waiting))
                order.append(name)
                self._begun.add(name)
                self._waiting.pop(name).set()
        self._is_on = False
        await asyncio.gather(*tasks)
        return order

    async def _settle(self) -> None:
        """Wait until everybody has come to the next step, to a lock, or to the end."""
        while self._begun and await self._blocked() < len(self._begun):
            await turns(1)
        await turns(20)


def schedule_steps(database: Database, schedule: Schedule) -> None:
    """Have the steps of a database wait for their turns."""
    if isinstance(database, PostgreSQLDatabase):
        engine = database.engine.sync_engine

        @event.listens_for(engine, "before_cursor_execute")
        def begin(connection: Any, *_: object) -> None:
            connection.connection.dbapi_connection.run_async(lambda _: schedule.begin())

        @event.listens_for(engine, "after_cursor_execute")
        def end(*_: object) -> None:
            schedule.end()

        return
    patched: Any = database
    for name in ("connected", "transaction"):
        setattr(patched, name, _in_turn(getattr(patched, name), schedule))


def _in_turn(run: Callable[[Any], Awaitable[Any]], schedule: Schedule) -> Callable[[Any], Awaitable[Any]]:
    async def in_turn(work: Any) -> Any:
        await schedule.begin()
        try:
            return await run(work)
        finally:
            schedule.end()

    return in_turn


class Scene:
    """A channel in which something was said already, and people who do something there at the same time.

    Attributes:
        here: the process of those who speak and look.
        there: another process.
    """

    def __init__(self, dialect: str, schedule: Schedule, here: RequestStore, there: RequestStore) -> None:
        self.dialect, self.schedule, self.here, self.there = dialect, schedule, here, there
        self.number = 0

    async def begin(self) -> None:
        """Another channel, of which only the secret is known."""
        self.number += 1
        self.channel_id, self.secret, self.said = self.number, f"swordfish-{self.number}.", f"sunflower-{self.number}."
        self.turn = Turn()
        before = Exchange("alice", self.secret, self.secret)
        async with self.here.conversations.turn(self.channel_id) as turn:
            await self.here.conversations.keep(turn, self.channel_id, ALICE, before)
        asked = ChatRequest(self.secret, self.channel_id, "alice")
        self.work = await self.here.keep(WorkRequest.of(asked, ((1, 2),)), person=ALICE)

    async def speak(self) -> None:
        """What `/chat` does, from the turn to what is kept of the answer."""
        conversations = self.here.conversations
        async with conversations.turn(self.channel_id) as self.turn:
            turn = self.turn
            asked = ChatRequest(self.said, self.channel_id, "bob", turn.history, conversation=turn.conversation)
            await self.here.keep(asked, person=BOB)  # behind Stop
            await self.here.keep(replace(asked, history=()), person=BOB)  # behind New conversation
            await self.here.keep(WorkRequest.of(asked, ((3,),)), person=BOB)  # behind Show the work
            await conversations.keep(turn, self.channel_id, BOB, Exchange("bob", self.said, self.said))

    async def look(self) -> None:
        """What Show the work does, and the page that takes long."""
        try:
            work = await self.here.find(self.work)
        except RequestForgotten:
            return
        assert isinstance(work, WorkRequest)
        await self.here.keep(work, person=BOB)
        await self.here.keep(replace(work, evidence=True), person=BOB)

    async def forget(self) -> None:
        """What New conversation does, in the other process."""
        await self.there.conversations.forget(self.channel_id)

    async def forget_here(self) -> None:
        await self.here.conversations.forget(self.channel_id)

    async def kept(self) -> str:
        """All that the database holds."""
        return str([await self.there.database.rows(select(table)) for table in (EXCHANGES, REQUESTS)])

    async def check(self) -> bool:
        """Check that nothing of what was said before the deletion is left; gives whether what was said meanwhile is.

        It belongs to the new conversation if that had begun by then, and to none otherwise.
        """
        kept = await self.kept()
        assert self.secret not in kept
        is_new = self.turn.conversation > 0
        assert (self.said in kept) == is_new
        assert self.turn.history == () or not is_new
        return is_new


@pytest.fixture
async def scene(place: Place) -> AsyncIterator[Scene]:
    async with place.open() as here, place.open() as there, place.open() as watching:

        async def blocked() -> int:
            if place.dialect == "sqlite":
                return 0
            [[number]] = await watching.database.rows(BLOCKED)
            return int(number)

        schedule = Schedule(blocked)
        for store in (here, there):
            if place.dialect == "sqlite":  # no crash is tried, so nothing needs to be on the disk
                await store.database.run(text("PRAGMA synchronous=OFF"))
            schedule_steps(store.database, schedule)
        yield Scene(place.dialect, schedule, here, there)


def in_some_order(chance: random.Random, *, is_hurried: bool) -> Choose:
    """Choose at random; who is hurried forgets early, or somebody would always have begun to speak before."""

    def choose(names: Sequence[str]) -> str:
        return "forget" if is_hurried and "forget" in names and chance.random() < 0.8 else chance.choice(names)

    return choose


@pytest.mark.measured_elsewhere
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(MANY_ROUNDS, marks=pytest.mark.slow)])
async def test_nothing_remains_however_steps_interleave(scene: Scene, rounds: int) -> None:
    is_new, orders = [], set()
    for seed in range(rounds):
        await scene.begin()
        forget = scene.forget() if seed % 2 else scene.forget_here()
        choose = in_some_order(random.Random(seed), is_hurried=seed % 3 == 0)
        order = await scene.schedule.run(choose, speak=scene.speak(), look=scene.look(), forget=forget)
        orders.add(tuple(order))
        is_new.append(await scene.check())
    assert len(orders) > rounds / 4
    assert any(is_new)  # both kinds were among them
    assert not all(is_new)


async def steps(scene: Scene, actor: Coroutine[Any, Any, None]) -> int:
    """How many it takes."""
    return len(await scene.schedule.run(lambda names: names[0], actor=actor))


@pytest.mark.measured_elsewhere
async def test_every_order_of_keeping_an_exchange_and_forgetting(scene: Scene) -> None:
    async def keep() -> None:
        exchange = Exchange("bob", scene.said, scene.said)
        await scene.here.conversations.keep(scene.turn, scene.channel_id, BOB, exchange)

    await scene.begin()
    keeping = await steps(scene, keep())
    forgetting = await steps(scene, scene.forget())
    orders = list(itertools.combinations(range(keeping + forgetting), keeping))
    for places in random.Random(0).sample(orders, min(ORDERS, len(orders))):
        await scene.begin()
        wanted = iter(["keep" if place in places else "forget" for place in range(keeping + forgetting)])

        def choose(names: Sequence[str], wanted: Any = wanted) -> str:
            name: str = next(wanted)
            return name if name in names else names[0]  # it waits for a lock, or has ended

        await scene.schedule.run(choose, keep=keep(), forget=scene.forget())
        assert not await scene.check()


async def test_what_is_said_afterwards_is_kept(scene: Scene) -> None:
    for expected in (True, True):
        await scene.begin()
        await scene.forget()
        await scene.speak()
        assert await scene.check() == expected
        assert len((await _history(scene)).history) == 1


async def _history(scene: Scene) -> Turn:
    async with scene.there.conversations.turn(scene.channel_id) as turn:
        return turn


async def test_a_second_deletion_while_somebody_begins_anew(scene: Scene) -> None:
    """Two people press New conversation, one of them with a message: it is of the first of the new conversations."""
    await scene.begin()
    async with scene.here.conversations.turn(scene.channel_id) as turn:
        await scene.here.conversations.forget(scene.channel_id)
        turn.begin_anew()
        await scene.forget()
        await scene.here.conversations.keep(turn, scene.channel_id, BOB, Exchange("bob", scene.said, scene.said))
    assert scene.said not in await scene.kept()
