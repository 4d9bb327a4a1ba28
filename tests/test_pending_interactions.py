"""Which interactions a stop waits for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.pending_interactions import PendingInteractions
from bot.replies.interaction_age import age
from tests.clock import Clock


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def interaction(seconds: float = 0.0) -> Any:
    created = discord.utils.utcnow() - timedelta(seconds=seconds)
    return SimpleNamespace(
        id=5000, extras={}, created_at=created, type=discord.InteractionType.application_command, command=None
    )


class Answers:
    """Interactions that are answered when they may be."""

    def __init__(self) -> None:
        self.pending = PendingInteractions()
        self.may_end = asyncio.Event()
        self.given: list[str] = []

    async def answer(self, name: str) -> None:
        self.pending.begin(interaction())
        await self.may_end.wait()
        self.given.append(name)


async def test_all_that_has_begun_is_waited_for(clock: Clock) -> None:
    answers = Answers()
    tasks = [asyncio.create_task(answers.answer(name)) for name in ("one", "two")]
    await asyncio.sleep(1)
    asyncio.get_running_loop().call_later(5, answers.may_end.set)

    assert await answers.pending.answered(10)
    assert answers.given == ["one", "two"]
    assert clock.now == 6
    await asyncio.gather(*tasks)


async def test_also_what_was_only_just_handed_over() -> None:
    answers = Answers()
    answers.may_end.set()
    task = asyncio.create_task(answers.answer("one"))

    assert await answers.pending.answered(10)
    assert answers.given == ["one"]
    await task


async def test_not_for_ever(clock: Clock) -> None:
    answers = Answers()
    task = asyncio.create_task(answers.answer("one"))

    assert not await answers.pending.answered(10)
    assert clock.now == 10
    answers.may_end.set()
    await task
    assert await answers.pending.answered(0)


async def test_what_fails_is_over() -> None:
    pending = PendingInteractions()

    async def fail() -> None:
        pending.begin(interaction())
        raise ValueError("no")

    task = asyncio.create_task(fail())
    assert await pending.answered(10)
    with pytest.raises(ValueError, match="no"):
        await task


async def test_time_counts_from_the_creation_and_goes_on_from_the_arrival(clock: Clock) -> None:
    arrived = interaction(2)

    async def begin() -> None:
        PendingInteractions().begin(arrived)

    await asyncio.create_task(begin())
    await asyncio.sleep(100)
    assert age(arrived) == pytest.approx(102, abs=0.5)
