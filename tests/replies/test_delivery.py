"""Delivery on its own: what depends on time, which a simulated Discord does not let pass while somebody waits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.inference.catalogue import CheckpointSpec, FolderSource
from bot.inference.models import ModelState, Phase
from bot.inference.requests import Answer
from bot.replies import delivery
from bot.replies.sentiment import render
from bot.tasks.scores import LabelScore
from bot.tasks.sentiment import SentimentRequest, SentimentResult

ANSWER = Answer(SentimentResult((LabelScore("POSITIVE", 1),), truncated=False), "tiny", "cpu", "float32", 0.01)


class StubBackend:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.state = ModelState(CheckpointSpec("tiny", FolderSource(Path())), Phase.FETCHING, 0.0)
        self.may_answer = asyncio.Event()
        self.given_up = False

    def submit(self, request: Any, *, person: int) -> asyncio.Task[Any]:
        return asyncio.create_task(self._answer())

    def model_state(self, request: Any) -> ModelState:
        return self.state

    async def _answer(self) -> Any:
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return ANSWER


class StubInteraction:
    """Keeps what it is edited to."""

    def __init__(self) -> None:
        self.user = SimpleNamespace(id=1)
        self.response = SimpleNamespace(defer=self._defer)
        self.edits: list[dict[str, Any]] = []
        self.error: Exception | None = None

    async def _defer(self, *, thinking: bool) -> None:
        assert thinking

    async def edit_original_response(self, **what: Any) -> None:
        if self.error is not None:
            raise self.error
        self.edits.append(what)

    @property
    def contents(self) -> list[str | None]:
        return [edit["content"] for edit in self.edits]


@pytest.fixture(autouse=True)
def quick_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "NOTICE_SECONDS", 0.01)


def answering(interaction: Any, backend: Any) -> asyncio.Task[None]:
    return asyncio.create_task(delivery.answer(interaction, backend, SentimentRequest("good"), render))


async def test_the_notice_follows_the_checkpoint_and_is_edited_only_when_it_changes() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)

    await asyncio.sleep(0.05)
    assert interaction.contents == ["Downloading tiny: 0 %. Your answer follows here by itself."]
    backend.state.fraction = 0.5
    await asyncio.sleep(0.05)
    assert interaction.contents[1:] == ["Downloading tiny: 50 %. Your answer follows here by itself."]
    backend.state.phase = Phase.READY
    await asyncio.sleep(0.05)
    backend.may_answer.set()
    await task

    assert len(interaction.edits) == 3
    assert interaction.edits[-1]["content"] is None
    assert interaction.edits[-1]["embed"].title == "POSITIVE"


async def test_without_a_wait_there_is_no_notice() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.state.phase = Phase.READY
    backend.may_answer.set()

    await answering(interaction, backend)

    assert interaction.contents == [None]


async def test_every_edit_forbids_mentions() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    backend.may_answer.set()
    await task

    assert len(interaction.edits) == 2
    for edit in interaction.edits:
        assert edit["allowed_mentions"].to_dict() == discord.AllowedMentions.none().to_dict()


async def test_a_deleted_message_gives_the_request_up() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    response: Any = SimpleNamespace(status=404, reason="Not Found")
    interaction.error = discord.NotFound(response, "unknown message")
    backend.state.fraction = 0.7

    await task
    await asyncio.sleep(0)

    assert backend.given_up


async def test_a_cancelled_caller_gives_the_request_up() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)

    assert backend.given_up


async def test_a_lost_connection_costs_a_notice_and_not_the_answer() -> None:
    backend, interaction = StubBackend(), StubInteraction()
    interaction.error = OSError("connection lost")
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    interaction.error = None
    backend.may_answer.set()
    await task

    assert interaction.contents == [None]
