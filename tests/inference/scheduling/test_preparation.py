"""Calls on threads: what arrives together goes there together."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.errors import ModelFailed, NotResponding
from bot.inference.scheduling.preparation import PreparationThreads
from tests.inference.toys import until
from tests.timers import PATIENCE, turns


@asynccontextmanager
async def opened(threads: int = 1) -> AsyncIterator[PreparationThreads]:
    preparing = PreparationThreads(threads)
    try:
        yield preparing
    finally:
        await preparing.aclose()


async def test_each_gets_its_own_result_or_error() -> None:
    async with opened(2) as preparing:
        calls = [preparing.run(divmod, 60, number, kind="division") for number in (7, 0, 9)]
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert found[::2] == [(8, 4), (6, 6)]
    assert isinstance(found[1], ZeroDivisionError)


async def test_an_error_leaves_nothing_to_the_garbage_collector() -> None:
    """It refers to the frames that it has passed, and one of them to the arguments."""

    class Text(str):
        __slots__ = ("__weakref__",)

    text = Text("somebody's")
    kept = weakref.ref(text)
    gc.disable()
    try:
        async with opened() as preparing:
            with pytest.raises(ValueError, match="invalid literal"):
                await preparing.run(lambda typed: int(typed), text, kind="")
            del text
            await until(lambda: kept() is None, 2)
    finally:
        gc.enable()


async def test_it_is_done_on_threads() -> None:
    async with opened() as preparing:
        assert (await preparing.run(threading.current_thread, kind="")).name.startswith("glassbox-prepare")


async def test_those_who_ask_together_are_answered_together() -> None:
    """And in the order in which they asked."""
    told: list[int] = []
    turns: list[int] = []

    async def ask(number: int) -> None:
        told.append(await preparing.run(int, number, kind="quick"))
        turns.append(turn)

    turn = 0
    async with opened() as preparing:
        asking = asyncio.gather(*map(ask, range(5)))
        while not asking.done():
            turn += 1
            await asyncio.sleep(0)
        await asking
    assert told == [0, 1, 2, 3, 4]
    assert turns[0] == turns[-1]


@pytest.mark.parametrize("kinds", [("slow", "slow"), ("quick", "slow")], ids=["alike", "unlike"])
async def test_a_slow_call_holds_back_nobody_elses_result(kinds: tuple[str, str]) -> None:
    gate = threading.Event()
    first: Callable[[], Any] = (lambda: time.sleep(0.01)) if kinds[0] == "slow" else int
    async with opened() as preparing:
        before = preparing.run(first, kind=kinds[0])
        slow = preparing.run(gate.wait, PATIENCE, kind=kinds[1])
        await asyncio.wait_for(before, PATIENCE)
        assert not slow.done()
        gate.set()
        assert await slow


async def test_another_thread_goes_on_beside_a_slow_call() -> None:
    gate = threading.Event()
    async with opened(2) as preparing:
        slow = preparing.run(gate.wait, PATIENCE, kind="slow")
        others = [preparing.run(int, number, kind="quick") for number in range(5)]
        assert await asyncio.wait_for(asyncio.gather(*others), PATIENCE) == [0, 1, 2, 3, 4]
        assert not slow.done()
        gate.set()
        assert await slow


class Held:
    """A call that has begun, and ends when its gate is opened."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.gate.wait(PATIENCE)


@pytest.mark.parametrize("quick", [1, 2, 40])
@pytest.mark.parametrize("threads", [1, 2])
async def test_no_result_waits_for_the_next_call_of_its_kind(threads: int, quick: int) -> None:
    """However many calls were made before one that lasts, and whether another thread idles or not."""
    held = Held()
    async with opened(threads) as preparing:
        before = [preparing.run(int, number, kind="alike") for number in range(quick)]
        lasting = preparing.run(held, kind="alike")
        after = [preparing.run(int, number, kind="alike") for number in range(3)]
        assert await asyncio.gather(*before) == list(range(quick))
        await until(held.begun.is_set)
        if threads > 1:
            assert await asyncio.gather(*after) == [0, 1, 2]
        assert not lasting.done()
        held.gate.set()
        await asyncio.gather(lasting, *after)


async def test_calls_of_a_kind_are_written_off() -> None:
    """Those that are made, those that wait, and those that have just been asked for; the others are made."""
    held = Held()
    async with opened() as preparing:
        running = preparing.run(held, kind="bad")
        waiting = [preparing.run(int, number, kind=kind) for number, kind in enumerate(("bad", "good"))]
        await until(held.begun.is_set)
        asked = preparing.run(int, 9, kind="bad")
        [call] = preparing.heartbeats
        assert preparing.kind_of(call) == "bad"
        preparing.discard(lambda kind: kind == "bad", NotResponding())
        found = await asyncio.gather(running, *waiting, asked, return_exceptions=True)
        assert [type(one) for one in found] == [NotResponding, NotResponding, int, NotResponding]
        assert await preparing.run(int, 5, kind="good") == 5
        held.gate.set()  # whatever it says now is of no use to anybody
        assert await preparing.run(int, 6, kind="good") == 6
    assert preparing.kind_of("something else") is None


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), StopIteration(1)], ids=lambda error: type(error).__name__
)
async def test_what_would_end_a_thread_or_the_process_is_a_failure(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async with opened() as preparing:
        with pytest.raises(ModelFailed):
            await preparing.run(fail, kind="")
        assert await preparing.run(int, kind="") == 0


async def test_what_was_given_up_is_not_begun() -> None:
    held = Held()
    made: list[int] = []

    async with opened() as preparing:
        running = preparing.run(held, kind="slow")
        given_up = [preparing.run(made.append, number, kind="quick") for number in range(3)]
        await until(held.begun.is_set)
        running.cancel()  # its result is of no use to anybody
        given_up[1].cancel()
        held.gate.set()
        await asyncio.gather(given_up[0], given_up[2])
    assert made == [0, 2]


async def test_the_end_waits_for_what_runs_and_cancels_the_rest() -> None:
    held = Held()
    made: list[int] = []

    async with opened() as preparing:
        running = preparing.run(held, kind="slow")
        later = preparing.run(made.append, 1, kind="quick")
        await until(held.begun.is_set)
        closing = asyncio.create_task(preparing.aclose())
        latest = preparing.run(made.append, 2, kind="quick")
        await turns()
        assert not closing.done()
        held.gate.set()
        await closing
        await running
    assert made == []
    assert later.cancelled()
    assert latest.cancelled()
