"""Delivery on its own: what depends on time, which a simulated Discord does not let pass while somebody waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.errors import DeadlinePassed
from bot.inference.catalogue import CheckpointSpec, FolderSource
from bot.inference.models import ModelState, Phase
from bot.inference.requests import Answer
from bot.pictures.studio import Studio
from bot.replies import pending
from bot.replies.delivery import Delivery
from bot.replies.generate import preview
from bot.replies.generate import render as render_text
from bot.replies.sentiment import render
from bot.storage import RequestStore
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.scores import LabelScore
from bot.tasks.sentiment import SentimentRequest, SentimentResult

ANSWER = Answer(SentimentResult((LabelScore("POSITIVE", 1),), truncated=False), "tiny", "cpu", "float32", 0.01)
Answering = Callable[[Any, Any], asyncio.Task[Any]]
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def written(words: int, *, finished: bool = False) -> GenerateResult:
    text = "".join(f" {word}" for word in WORDS[:words])
    return GenerateResult("Count:", (Continuation(text, words, finished),), None, truncated=False)


class StubBackend:
    """Answers when it is told to.

    Attributes:
        answer: what is answered.
        words: how many are written so far, for `partial`.
        obedient: whether it ends an answer that is stopped.
    """

    def __init__(self) -> None:
        self.state = ModelState(CheckpointSpec("tiny", FolderSource(Path())), Phase.FETCHING, 0.0)
        self.may_answer = asyncio.Event()
        self.given_up = False
        self.answer: Answer[Any] = ANSWER
        self.words = 0
        self.stopped = 0
        self.obedient = True
        self.broken = False

    def submit(self, request: Any, *, person: int) -> asyncio.Task[Any]:
        return asyncio.create_task(self._answer())

    async def partial(self, answer: asyncio.Task[Any]) -> Any:
        if self.broken:
            raise RuntimeError
        return written(self.words) if self.words else None

    def stop(self, answer: asyncio.Task[Any]) -> None:
        self.stopped += 1
        if self.obedient:
            self.may_answer.set()

    def model_state(self, request: Any) -> ModelState:
        return self.state

    async def _answer(self) -> Any:
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return self.answer


class StubInteraction:
    """Keeps what it is edited to.

    Attributes:
        error: with which edits fail.
        failures: how often.
    """

    def __init__(self) -> None:
        self.user = SimpleNamespace(id=1)
        self.response = SimpleNamespace(defer=self._defer, is_done=lambda: False)
        self.edits: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.error: Exception | None = None
        self.failures = 1_000_000

    async def _defer(self, *, thinking: bool) -> None:
        assert thinking

    async def edit_original_response(self, **what: Any) -> None:
        self.times.append(time.monotonic())
        if self.error is not None and self.failures:
            self.failures -= 1
            raise self.error
        self.edits.append(what)

    @property
    def contents(self) -> list[str | None]:
        return [edit["content"] for edit in self.edits]

    @property
    def descriptions(self) -> list[str]:
        return [edit["embed"].description for edit in self.edits]

    @property
    def buttons(self) -> list[list[str]]:
        return [[item.item.label for item in edit["view"].children] for edit in self.edits]


def refusal(status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="")
    kind = discord.NotFound if status == 404 else discord.HTTPException
    return kind(response, "refused")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "NOTICE_SECONDS", 0.01)
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.1)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pending, "RETRY_SECONDS", 0.01)


@pytest.fixture
async def store() -> AsyncIterator[RequestStore]:
    async with RequestStore.open(None) as store:
        yield store


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.close()


@pytest.fixture
def answering(store: RequestStore, studio: Studio) -> Answering:
    def answering(interaction: Any, backend: Any) -> asyncio.Task[Any]:
        delivery = Delivery(backend, store, studio)
        return asyncio.create_task(delivery.answer(interaction, SentimentRequest("good"), render))

    return answering


async def test_the_notice_follows_the_checkpoint_and_is_edited_only_when_it_changes(answering: Answering) -> None:
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


async def test_without_a_wait_there_is_no_notice(answering: Answering) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.state.phase = Phase.READY
    backend.may_answer.set()

    await answering(interaction, backend)

    assert interaction.contents == [None]


async def test_every_edit_forbids_mentions(answering: Answering) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    backend.may_answer.set()
    await task

    assert len(interaction.edits) == 2
    for edit in interaction.edits:
        assert edit["allowed_mentions"].to_dict() == discord.AllowedMentions.none().to_dict()


async def test_a_deleted_message_gives_the_request_up(answering: Answering) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    interaction.error = refusal(404)
    backend.state.fraction = 0.7

    await task
    await asyncio.sleep(0)

    assert backend.given_up


async def test_a_cancelled_caller_gives_the_request_up(answering: Answering) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)

    assert backend.given_up


async def test_a_lost_connection_costs_a_notice_and_not_the_answer(answering: Answering) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    interaction.error = OSError("connection lost")
    task = answering(interaction, backend)
    await asyncio.sleep(0.02)
    interaction.error = None
    backend.may_answer.set()
    await task

    assert interaction.contents == [None]


class TestStreaming:
    @pytest.fixture
    def backend(self) -> StubBackend:
        backend = StubBackend()
        backend.state.phase = Phase.READY
        backend.answer = Answer(written(10, finished=True), "tiny", "cpu", "float32", 0.01)
        return backend

    @pytest.fixture
    def interaction(self) -> StubInteraction:
        return StubInteraction()

    @pytest.fixture
    def answering(self, store: RequestStore, studio: Studio) -> Answering:
        def answering(interaction: Any, backend: Any) -> asyncio.Task[Any]:
            delivery = Delivery(backend, store, studio)
            return asyncio.create_task(delivery.answer(interaction, GenerateRequest("Count:"), render_text, preview))

        return answering

    async def test_the_newest_text_at_every_turn(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering
    ) -> None:
        task = answering(interaction, backend)
        for words in range(1, 11):
            backend.words = words
            await asyncio.sleep(0.05)
        backend.may_answer.set()
        await task

        *partial, last = interaction.descriptions
        assert 2 <= len(partial) <= 5
        assert all(text.startswith("**Count:** one") and text.endswith("▌") for text in partial)
        assert len(set(partial)) == len(partial)
        assert last == "**Count:** one two three four five six seven eight nine ten"
        assert interaction.buttons == [*([["Stop"]] * len(partial)), ["Regenerate", "Show the work"]]

    async def test_no_more_edits_than_discord_allows(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering
    ) -> None:
        task = answering(interaction, backend)
        for words in range(1, 11):
            backend.words = words
            await asyncio.sleep(0.07)
        backend.may_answer.set()
        await task

        *partial, _ = interaction.times
        assert all(later - earlier >= 0.1 for earlier, later in pairwise(partial))
        five_seconds = 4 * pending.EDIT_SECONDS
        assert all(sum(0 <= one - start <= five_seconds for one in interaction.times) <= 5 for start in partial)

    async def test_a_quick_answer_is_shown_once(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering
    ) -> None:
        backend.words = 3
        task = answering(interaction, backend)
        await asyncio.sleep(0.05)
        backend.may_answer.set()
        began = time.monotonic()
        await task

        assert len(interaction.edits) == 1
        assert time.monotonic() - began < 0.05  # it does not wait for its turn

    async def test_what_stands_still_is_not_edited(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering
    ) -> None:
        task = answering(interaction, backend)
        await asyncio.sleep(0.25)
        assert not interaction.edits
        backend.words = 1
        await asyncio.sleep(0.35)
        assert len(interaction.edits) == 1
        backend.may_answer.set()
        await task

    @pytest.mark.parametrize("error", [refusal(429), refusal(500), refusal(400), OSError("connection lost")])
    async def test_a_lost_edit_costs_nothing_else(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering, error: Exception
    ) -> None:
        interaction.error, interaction.failures = error, 1
        backend.words = 1
        task = answering(interaction, backend)
        await asyncio.sleep(0.15)
        assert not interaction.failures
        backend.words = 2
        await asyncio.sleep(0.15)
        backend.may_answer.set()
        await task

        assert interaction.descriptions[0] == "**Count:** one two▌"
        assert interaction.descriptions[-1].endswith("nine ten")

    @pytest.mark.parametrize("error", [refusal(429), refusal(503), OSError("connection lost")])
    async def test_the_last_edit_is_tried_again(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering, error: Exception
    ) -> None:
        interaction.error, interaction.failures = error, pending.TRIES - 1
        backend.may_answer.set()

        await answering(interaction, backend)

        assert [text[-3:] for text in interaction.descriptions] == ["ten"]

    @pytest.mark.parametrize(("status", "tries"), [(500, pending.TRIES), (400, 1)])
    async def test_the_last_edit_is_not_tried_for_ever(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering, status: int, tries: int
    ) -> None:
        interaction.error = refusal(status)
        backend.may_answer.set()

        with pytest.raises(discord.HTTPException):
            await answering(interaction, backend)
        assert len(interaction.times) == tries

    async def test_a_deleted_message_gives_the_request_up(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering
    ) -> None:
        task = answering(interaction, backend)
        backend.words = 1
        await asyncio.sleep(0.15)
        interaction.error = refusal(404)
        backend.words = 2

        await task
        await asyncio.sleep(0)

        assert backend.given_up

    async def test_a_preview_that_fails_costs_only_itself(
        self, backend: StubBackend, interaction: StubInteraction, answering: Answering, caplog: pytest.LogCaptureFixture
    ) -> None:
        backend.broken = True
        task = answering(interaction, backend)
        await asyncio.sleep(0.15)
        backend.may_answer.set()
        await task

        assert len(interaction.edits) == 1
        assert "cannot be shown before it is complete: RuntimeError" in caplog.text

    async def test_it_ends_before_discord_forgets_the_interaction(
        self,
        backend: StubBackend,
        interaction: StubInteraction,
        answering: Answering,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(pending, "LAST_SECONDS", 0.3)
        backend.words = 4
        backend.answer = Answer(written(5), "tiny", "cpu", "float32", 0.01)

        await answering(interaction, backend)

        assert backend.stopped == 1
        assert interaction.descriptions == ["**Count:** one two three four▌", "**Count:** one two three four five…"]
        assert interaction.buttons[-1] == ["Regenerate", "Continue", "Show the work"]

    async def test_what_cannot_be_ended_by_then_is_given_up(
        self,
        backend: StubBackend,
        interaction: StubInteraction,
        answering: Answering,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(pending, "LAST_SECONDS", 0.05)
        monkeypatch.setattr(pending, "ENDING_SECONDS", 0.05)
        backend.obedient = False

        with pytest.raises(DeadlinePassed):
            await answering(interaction, backend)
        await asyncio.sleep(0)

        assert backend.given_up
