"""What is written while a conversation is deleted: statement by statement, in every order that is tried.

Two stores share one file, as two processes would: what locks out a connection locks out a process.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import RequestForgotten
from bot.storage import RequestStore
from bot.storage.conversations import Turn
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest

ALICE, BOB = 7, 8
ROUNDS = 200

Choose = Callable[[Sequence[str]], str]
"""Whose statement runs next, of those who wait with one."""


class Schedule:
    """Lets one statement run at a time, in an order that somebody chooses."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}
        self._ended = asyncio.Event()
        self._is_on = False

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """The place of a statement in the order, waited for by the task that wants to run it."""
        if not self._is_on:
            yield
            return
        task = asyncio.current_task()
        assert task is not None
        go = self._waiting[task.get_name()] = asyncio.Event()
        await go.wait()
        try:
            yield
        finally:
            self._ended.set()

    async def run(self, choose: Choose, **actors: Coroutine[Any, Any, None]) -> list[str]:
        """Run coroutines to their ends; gives whose statements ran, in order."""
        self._is_on, order = True, []
        tasks = [asyncio.create_task(actor, name=name) for name, actor in actors.items()]
        while not all(task.done() for task in tasks):
            for _ in range(8):  # everybody comes to the next statement, to a lock, or to the end
                await asyncio.sleep(0)
            if self._waiting:
                name = choose(sorted(self._waiting))
                order.append(name)
                self._ended.clear()
                self._waiting.pop(name).set()
                await self._ended.wait()
        self._is_on = False
        await asyncio.gather(*tasks)
        return order


class Connection:
    """A connection to a database whose statements have their places in a schedule."""

    def __init__(self, connection: Any, schedule: Schedule) -> None:
        self._connection = connection
        self._schedule = schedule

    @asynccontextmanager
    async def execute(self, statement: str, values: Iterable[Any] = ()) -> AsyncIterator[Any]:
        async with self._schedule.place(), self._connection.execute(statement, values) as cursor:
            yield cursor

    async def execute_fetchall(self, statement: str, values: Iterable[Any] = ()) -> Any:
        async with self._schedule.place():
            return await self._connection.execute_fetchall(statement, values)


class Scene:
    """A channel in which something was said already, and people who do something there at the same time.

    Attributes:
        here: the process of those who speak and look.
        there: another process.
    """

    def __init__(self, path: Path, schedule: Schedule, here: RequestStore, there: RequestStore) -> None:
        self.path, self.schedule, self.here, self.there = path, schedule, here, there
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

    def kept(self) -> str:
        """All that the database holds."""
        with closing(sqlite3.connect(self.path)) as connection:
            tables = ("exchanges", "requests")
            return str([connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables])

    async def check(self) -> bool:
        """Check that nothing of what was said before the deletion is left; gives whether what was said meanwhile is.

        It belongs to the new conversation if that had begun by then, and to none otherwise.
        """
        kept = await asyncio.to_thread(self.kept)
        assert self.secret not in kept
        is_new = self.turn.conversation > 0
        assert (self.said in kept) == is_new
        assert self.turn.history == () or not is_new
        return is_new


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    path, schedule = tmp_path / "requests.sqlite3", Schedule()

    def scheduled(store: RequestStore) -> RequestStore:
        connection: Any = Connection(store._connection, schedule)
        return RequestStore(connection, store._kinds, store._now)

    async with RequestStore.open(path) as here, RequestStore.open(path) as there:
        for store in (here, there):  # no crash is tried, so nothing needs to be on the disk
            await store._connection.execute("PRAGMA synchronous=OFF")
        yield Scene(path, schedule, scheduled(here), scheduled(there))


@pytest.mark.measured_elsewhere
async def test_nothing_remains_however_statements_interleave(scene: Scene) -> None:
    is_new, orders = [], set()
    for seed in range(ROUNDS):
        await scene.begin()
        forget = scene.forget() if seed % 2 else scene.forget_here()
        choose: Choose = random.Random(seed).choice
        order = await scene.schedule.run(choose, speak=scene.speak(), look=scene.look(), forget=forget)
        orders.add(tuple(order))
        is_new.append(await scene.check())
    assert len(orders) > ROUNDS / 2
    assert any(is_new)  # both kinds were among them
    assert not all(is_new)


async def statements(scene: Scene, actor: Coroutine[Any, Any, None]) -> int:
    """How many it runs."""
    return len(await scene.schedule.run(lambda names: names[0], actor=actor))


@pytest.mark.measured_elsewhere
async def test_every_order_of_keeping_an_exchange_and_forgetting(scene: Scene) -> None:
    async def keep() -> None:
        exchange = Exchange("bob", scene.said, scene.said)
        await scene.here.conversations.keep(scene.turn, scene.channel_id, BOB, exchange)

    await scene.begin()
    keeping = await statements(scene, keep())
    forgetting = await statements(scene, scene.forget())
    for places in itertools.combinations(range(keeping + forgetting), keeping):
        await scene.begin()
        wanted = iter(["keep" if place in places else "forget" for place in range(keeping + forgetting)])
        choose: Choose = lambda names, wanted=wanted: next(wanted)  # type: ignore[misc] # noqa: E731
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
    assert scene.said not in await asyncio.to_thread(scene.kept)
