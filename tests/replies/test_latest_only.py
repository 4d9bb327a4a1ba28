"""Of several turns of a page, the newest counts."""

from __future__ import annotations

import asyncio

import pytest

from bot.replies.latest_only import LatestOnly


class Turning:
    """Pages that are turned, in the order in which they are shown."""

    def __init__(self) -> None:
        self.turns = LatestOnly()
        self.shown: list[str] = []

    async def show(self, page: str, ready: asyncio.Event | None = None) -> None:
        if ready is not None:
            await ready.wait()
        self.shown.append(page)


async def test_an_earlier_turn_is_given_up() -> None:
    turning, ready = Turning(), asyncio.Event()
    slow = asyncio.create_task(turning.turns.run(1, turning.show("slow", ready)))
    elsewhere = asyncio.create_task(turning.turns.run(2, turning.show("another message's", ready)))
    await asyncio.sleep(0)

    await turning.turns.run(1, turning.show("fast"))
    ready.set()
    await asyncio.gather(slow, elsewhere)

    assert turning.shown == ["fast", "another message's"]
    assert not turning.turns._running


async def test_a_failure_is_told() -> None:
    async def fail() -> None:
        raise ValueError("no")

    turns = LatestOnly()
    with pytest.raises(ValueError, match="no"):
        await turns.run(1, fail())
    assert not turns._running


async def test_a_newer_turn_that_is_refused_at_once() -> None:
    """Item 25: the earlier turn, which it has ended, found nothing of itself and raised `KeyError`."""

    async def refuse() -> None:
        raise ValueError("no")

    turning, ready = Turning(), asyncio.Event()
    slow = asyncio.create_task(turning.turns.run(1, turning.show("slow", ready)))
    await asyncio.sleep(0)

    with pytest.raises(ValueError, match="no"):
        await turning.turns.run(1, refuse())
    await slow

    assert not turning.shown
    assert not turning.turns._running


async def test_an_earlier_turn_that_takes_long_to_end_does_not_end_a_newer_one() -> None:
    turning, ready = Turning(), asyncio.Event()

    async def end_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ready.wait()

    slow = asyncio.create_task(turning.turns.run(1, end_slowly()))
    await asyncio.sleep(0)
    await turning.turns.run(1, turning.show("second"))
    third = asyncio.create_task(turning.turns.run(1, turning.show("third", ready)))
    await asyncio.sleep(0)
    ready.set()
    await asyncio.gather(slow, third)

    assert turning.shown == ["second", "third"]
    assert not turning.turns._running


async def test_who_is_cancelled_ends_what_was_begun() -> None:
    turning, ready = Turning(), asyncio.Event()
    slow = asyncio.create_task(turning.turns.run(1, turning.show("slow", ready)))
    await asyncio.sleep(0)

    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    ready.set()
    await asyncio.sleep(0)

    assert not turning.shown
    assert not turning.turns._running
