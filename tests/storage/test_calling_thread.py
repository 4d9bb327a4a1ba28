"""A thread that functions are called on: what cannot be done yet holds nothing else up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from bot.storage.calling_thread import CallingThread
from tests.timers import PATIENCE


class NotYet(Exception):
    """Nothing was done."""


class Door:
    """What some calls have to wait for."""

    def __init__(self) -> None:
        self.is_open = False
        self.tried = threading.Event()
        self.passed: list[str] = []

    def pass_through(self, name: str) -> str:
        self.tried.set()
        if not self.is_open:
            raise NotYet
        self.passed.append(name)
        return name


@pytest.fixture
async def thread() -> AsyncIterator[CallingThread]:
    thread = CallingThread("tested", lambda error: isinstance(error, NotYet))
    yield thread
    await thread.end(lambda: None)


async def test_what_waits_holds_nothing_up_and_keeps_its_order(thread: CallingThread) -> None:
    door = Door()
    names = [str(number) for number in range(20)]
    waiting = [thread.call(lambda name=name: door.pass_through(name), PATIENCE) for name in names]  # type: ignore[misc]
    for _ in range(20):
        assert await thread.call(lambda: 1) == 1
    assert await asyncio.to_thread(door.tried.wait, PATIENCE)
    assert not any(one.done() for one in waiting)
    # One with less patience does not wait for those before it.
    with pytest.raises(NotYet):
        await thread.call(lambda: door.pass_through("impatient"))
    door.is_open = True
    assert await asyncio.gather(*waiting) == names
    assert door.passed == names


async def test_what_waits_is_tried_though_others_come_all_the_time(thread: CallingThread) -> None:
    door = Door()
    waiting = thread.call(lambda: door.pass_through("first"), PATIENCE)

    async def come() -> None:
        while not waiting.done():
            await thread.call(lambda: None)

    coming = [asyncio.create_task(come()) for _ in range(4)]
    await asyncio.sleep(0)
    door.is_open = True
    await asyncio.wait_for(asyncio.gather(*coming), PATIENCE)


async def test_the_end_comes_after_what_waits() -> None:
    gave_up: list[BaseException] = []
    thread = CallingThread("tested", lambda error: isinstance(error, NotYet), gave_up.append)
    door = Door()
    waiting = thread.call(lambda: door.pass_through("last"), PATIENCE)
    ending = thread.end(lambda: door.passed)
    assert await asyncio.to_thread(door.tried.wait, PATIENCE)
    door.is_open = True
    assert await ending == ["last"]
    assert await waiting == "last"
    assert not gave_up


async def test_who_gives_up_is_told_of(thread: CallingThread) -> None:
    gave_up: list[BaseException] = []
    thread = CallingThread("tested", lambda error: isinstance(error, NotYet), gave_up.append)
    with pytest.raises(NotYet):
        await thread.call(lambda: Door().pass_through("never"))
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 / 0, PATIENCE)
    await thread.end(lambda: None)
    assert [type(error) for error in gave_up] == [NotYet]


async def test_an_end_that_comes_before_its_caller_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the thread is often the faster one."""
    thread = CallingThread("tested")
    put = thread._calls.put

    class Slow:
        def put(self, call: object) -> None:
            put(None)
            while thread._last is not None:
                pass

        get = thread._calls.get

    monkeypatch.setattr(thread, "_calls", Slow())
    assert await thread.end(lambda: 7) == 7
