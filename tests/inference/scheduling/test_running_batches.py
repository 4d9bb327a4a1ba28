"""Iterative operations through the worker: joining, taking turns, showing, stopping, failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.errors import DeadlinePassed, ModelFailed
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from bot.inference.operations import Row
from bot.inference.worker import Limits
from bot.replies.results.generate import render
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.cogs.pacing import held_after
from tests.inference.pacing import paused
from tests.inference.toys import queued, until
from tests.support import device_held, rows_arrived, under_way
from tests.timers import FAR, Timers

LONG = GenerateRequest("I love apples and", max_new_tokens=400, top_p=0.01)
SHORT = GenerateRequest("The capital of Germany is", max_new_tokens=4, top_p=0.01)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were under way at each step."""
    seen: list[int] = []
    step = RunningBatch.step

    def counted(self: RunningBatch[Any]) -> None:
        seen.append(len(self))
        step(self)

    monkeypatch.setattr(RunningBatch, "step", counted)
    return seen


async def test_a_short_request_is_answered_while_a_long_one_is_under_way(
    make_worker: Callable[..., Any], steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker:
        expected = (await worker.run(SHORT, person=1)).result
        with paused(monkeypatch, LONG.max_new_tokens) as pause:
            long = worker.submit(LONG, person=1)
            await until(lambda: len(pause.held) == 1)
            short = worker.submit(SHORT, person=2)
            await queued(worker, 1)
            pause.asked.set()
            assert (await short).result == expected
            assert not long.done()
        assert 2 in steps
        text = (await long).result.continuations[0].text
        assert text == (await worker.run(LONG, person=1)).result.continuations[0].text


async def test_a_classifier_gets_its_turn_between_two_steps(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker:
        await worker.load(["sentiment", "generate"])
        with paused(monkeypatch, LONG.max_new_tokens) as pause:
            long = worker.submit(LONG, person=1)
            await until(lambda: len(pause.held) == 1)
            others = [worker.submit(SentimentRequest(f"I love apples {index}"), person=2) for index in range(5)]
            await queued(worker, 5)
            pause.asked.set()
            await asyncio.gather(*others)
            assert not long.done()
            long.cancel()


async def test_what_is_shown_is_the_beginning_of_the_answer(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        answer = worker.submit(LONG, person=1)
        shown = [await under_way(answer) for _ in range(3)]
        result = (await answer).result
        for one in shown:
            assert one.prompt == result.prompt
            # A character whose bytes have not all arrived is shown as a replacement character.
            assert result.continuations[0].text.startswith(
                one.continuations[0].text.rstrip("\N{REPLACEMENT CHARACTER}")
            )
        assert await answer.partial() is None


async def test_stopping_keeps_the_text(make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_worker() as worker:
        with held_after(monkeypatch, 5):
            answer = worker.submit(LONG, person=1)
            shown = await under_way(answer)
            answer.stop()
        result = (await answer).result
        assert shown.continuations[0].tokens <= result.continuations[0].tokens < LONG.max_new_tokens
        assert not result.continuations[0].finished
        answer.stop()  # too late, and harmless


async def test_what_is_written_by_the_deadline_is_kept(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, timers: Timers
) -> None:
    """As if somebody had pressed Stop then: the reply offers to continue."""
    with held_after(monkeypatch, 5) as go_on:
        async with make_worker(limits=Limits(seconds=FAR)) as worker:
            asked = worker.submit(GenerateRequest("I love", max_new_tokens=512, top_p=0.01), person=1)
            await under_way(asked)
            await timers.skip()
            go_on.set()
            answer = await asked
        [text] = answer.result.continuations
        assert 0 < text.tokens <= 6
        assert not text.finished
        assert len(render(LONG, answer).buttons) == 2


async def test_a_text_that_does_not_end_after_the_deadline_is_given_up(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, timers: Timers
) -> None:
    with held_after(monkeypatch, 5) as go_on:
        async with make_worker(limits=Limits(seconds=FAR, ending_seconds=FAR)) as worker:
            asked = worker.submit(LONG, person=1)
            await under_way(asked)
            await timers.skip()
            assert not asked.done()
            await timers.skip()
            with pytest.raises(DeadlinePassed, match="longer than"):
                await asked
            go_on.set()
            assert (await worker.run(SHORT, person=1)).result.continuations[0].tokens == 4


async def test_a_text_that_has_not_begun_by_the_deadline_is_given_up_at_once(
    make_worker: Callable[..., Any], timers: Timers
) -> None:
    async with make_worker(limits=Limits(seconds=FAR, ending_seconds=FAR)) as worker:
        await worker.load(["generate"])
        async with device_held(worker):
            asked = worker.submit(LONG, person=1)
            await rows_arrived(worker)
            await timers.skip()
            with pytest.raises(DeadlinePassed):
                await asked


async def test_the_status_tells_where_texts_cannot_join(
    make_worker: Callable[..., Any], steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the checkpoint's cache forgot."""
    monkeypatch.setattr("bot.inference.heads.causal_lm.can_be_ragged", lambda head: False)
    async with make_worker() as worker:
        assert worker.status().models["generate"].joins is None
        long = worker.submit(LONG, person=1)
        await under_way(long)
        await worker.run(SHORT, person=2)
        assert long.done()
        assert worker.status().models["generate"].joins is False
    assert max(steps) == 1


async def test_who_gives_up_frees_the_place_at_once(make_worker: Callable[..., Any], steps: list[int]) -> None:
    async with make_worker() as worker:
        answer = worker.submit(LONG, person=1)
        await under_way(answer)
        answer.cancel()
        with suppress(asyncio.CancelledError):
            await answer
        await worker.run(SHORT, person=2)
        taken = len(steps)
        await worker.run(SHORT, person=2)
        assert set(steps[taken:]) == {1}  # nobody else is written beside it


async def test_places_are_limited(
    make_worker: Callable[..., Any], steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker(limits=Limits(per_person=100)) as worker:
        requests = [GenerateRequest(f"I love {index}", max_new_tokens=20, top_p=0.01) for index in range(40)]
        answers = await asyncio.gather(*(worker.run(request, person=1) for request in requests))
        assert len(answers) == 40
        assert 2 < max(steps) <= 16


async def test_a_failure_under_way_hurts_only_its_row(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, checkpoints: Mapping[str, Path]
) -> None:
    async with make_worker() as worker:
        expected = (await worker.run(SHORT, person=1)).result
        bad = GenerateRequest("Lemons are", max_new_tokens=30, top_p=0.01)
        step = RunningBatch.step

        def failing(self: RunningBatch[Any]) -> None:
            if any(one.row.inputs.max_new_tokens == 30 and len(one.row.progress) > 2 for one in self._decoding):
                raise RuntimeError("somebody's secret")
            step(self)

        monkeypatch.setattr(RunningBatch, "step", failing)
        outcomes = await asyncio.gather(
            worker.run(bad, person=1), *(worker.run(SHORT, person=2) for _ in range(3)), return_exceptions=True
        )
        assert isinstance(outcomes[0], ModelFailed)
        for outcome in outcomes[1:]:
            assert not isinstance(outcome, BaseException)
            assert outcome.result == expected
        monkeypatch.setattr(RunningBatch, "step", step)
        assert (await worker.run(SHORT, person=1)).result == expected


async def test_draining_finishes_what_is_under_way(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        answer = worker.submit(GenerateRequest("I love", max_new_tokens=60, top_p=0.01), person=1)
        await under_way(answer)
        await worker.aclose()
        assert (await answer).result.continuations[0].tokens == 60


async def test_a_seed_runs_alone(make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[int] = []
    join = RunningBatch.join

    def noted(self: RunningBatch[Any], rows: list[Row[Generation]]) -> None:
        joined.append(len(self) + len(rows))
        join(self, rows)

    monkeypatch.setattr(RunningBatch, "join", noted)
    seeded = GenerateRequest("I love", max_new_tokens=10, seed=5)
    async with make_worker() as worker:
        results = await asyncio.gather(*(worker.run(seeded, person=person) for person in range(6)))
    assert joined == [1] * 6
    assert len({answer.result.continuations[0].text for answer in results}) == 1


def test_the_course_has_a_decoder(course: Preset) -> None:
    """These tests would say nothing if /generate were answered by something else."""
    assert "generate" in course.checkpoints
