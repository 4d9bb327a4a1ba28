"""What is counted of known interactions, with the real bot and the real worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bot.inference.operations import Budget, Operation, Row, TaskRun
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.worker import Limits
from bot.operating.watch import Watch
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.pacing import held_after
from tests.operating.conftest import Operator
from tests.support import device_held

ORIGINAL = "/webhooks/*/messages/@original"
TEXTS = ("I love apples", "I hate pears", "Plums are blue")


async def sentiment(scene: Scene, text: str = TEXTS[0]) -> Any:
    return await scene.alice.slash(scene.channel, "sentiment", text=text)


async def test_answers_rows_and_batches_are_counted_exactly(
    open_scene: OpenScene, watch: Watch, operator: Operator
) -> None:
    async with open_scene(watch=watch) as scene:
        for text in (*TEXTS, TEXTS[0]):  # the last one is remembered
            await sentiment(scene, text)
        await scene.alice.slash(scene.channel, "fill", text="There is no mask here")
        scene.env.errors.clear()
        status = scene.worker.status()
        scraped = await operator.scrape()

    ended = "glassbox_interactions_total"
    assert scraped.all(ended, kind="command") == {
        ("sentiment", "answered", ""): 4,
        ("fill", "invalid", "invalid_request"): 1,
    }
    assert scraped.value("glassbox_interactions_in_flight") == 0
    assert scraped.all("glassbox_acknowledge_seconds_count") == {("command",): 5}
    assert scraped.all("glassbox_answer_seconds_count") == {("sentiment",): 4}
    assert scraped.all("glassbox_worker_answers_total") == {("answered", "", "sentiment"): 4}
    assert scraped.all("glassbox_worker_answer_seconds_count") == {("sentiment",): 4}
    assert status.rows == 3
    assert scraped.all("glassbox_device_rows_total") == {("0", "cpu"): 3}
    assert scraped.all("glassbox_worker_queue_wait_seconds_count") == {("classify",): 3}
    assert scraped.all("glassbox_worker_batch_rows_count") == {("classify",): status.batches}
    assert scraped.all("glassbox_worker_batch_rows_sum") == {("classify",): 3}
    assert scraped.all("glassbox_worker_batch_tokens_sum") == {("classify",): status.padded_tokens}
    assert scraped.value("glassbox_device_tokens_total") == status.tokens
    assert scraped.value("glassbox_device_busy_seconds_total") == status.devices[0].busy_seconds
    assert scraped.all("glassbox_checkpoint_load_seconds_count") == {("tiny-distilbert",): 1}
    assert scraped.all("glassbox_checkpoint_phase", phase="ready")[("tiny-distilbert",)] == 1
    assert scraped.all("glassbox_checkpoint_phase", phase="waiting")[("tiny-distilbert",)] == 0
    assert scraped.value("glassbox_worker_accepting") == 1


async def test_what_is_under_way(open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
    async with open_scene(watch=watch) as scene:
        await scene.worker.load(["sentiment"])
        async with device_held(scene.worker):
            scene.invoke(scene.alice, "sentiment", text=TEXTS[0])
            await scene.until(lambda: scene.worker.status().rows_waiting)
            scraped = await operator.scrape()
            assert scraped.value("glassbox_interactions_in_flight") == 1
            assert scraped.value("glassbox_worker_requests") == 1
            assert scraped.value("glassbox_worker_rows_waiting") == 1
            assert scraped.all("glassbox_interactions_total") == {}
        await scene.env.settle()
        assert (await operator.scrape()).value("glassbox_interactions_in_flight") == 0


async def test_a_text_and_its_buttons(open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
    async with open_scene(watch=watch) as scene:
        result = await scene.alice.slash(scene.channel, "generate", prompt="In this course", max_new_tokens=3)
        await scene.alice.click(result.response, label="Regenerate")
        scraped = await operator.scrape()
    ended = scraped.all("glassbox_interactions_total", outcome="answered", reason="")
    assert ended == {("generate", "command"): 1, ("regenerate", "component"): 1}
    assert scraped.all("glassbox_answer_seconds_count") == {("generate",): 1, ("regenerate",): 1}


async def test_a_text_that_is_shown_while_it_is_written(
    open_scene: OpenScene, watch: Watch, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.replies.pending.EDIT_SECONDS", 0.01)
    monkeypatch.setattr("bot.replies.pending.LOOK_SECONDS", 0.01)
    with held_after(monkeypatch, 20) as go_on:
        async with open_scene(watch=watch) as scene:
            result = scene.invoke(scene.alice, "generate", prompt="In this course", max_new_tokens=500)
            await scene.until(lambda: any("Stop" in str(edit.get("components")) for edit in scene.edits()))
            scene.press(scene.alice, result.response, "Stop")
            go_on.set()
            await scene.env.settle()
            scraped = await operator.scrape()
    assert scraped.all("glassbox_first_text_seconds_count") == {("generate",): 1}
    assert scraped.value("glassbox_interactions_total", command="stop", outcome="answered") == 1


async def test_an_autocompletion(open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
    async with open_scene(watch=watch) as scene:
        assert await scene.alice.autocomplete(scene.channel, "translate", "to", "ger")
        scraped = await operator.scrape()
    assert scraped.all("glassbox_interactions_total") == {("translate", "autocomplete", "answered", ""): 1}
    assert scraped.all("glassbox_answer_seconds_count") == {}


def fail(rows: Sequence[Row[Any]]) -> Sequence[Any]:
    raise RuntimeError


def judge_badly(head: Any, request: SentimentRequest) -> TaskRun[SentimentResult]:
    yield from Operation("broken", fail, Budget(100))([Row(request.text, 1)])
    raise AssertionError


BROKEN = Task("sentiment", SentimentRequest, {HeadKind.SEQUENCE_CLASSIFIER: Implementation(judge_badly)})


class TestUnanswered:
    async def test_a_model_that_fails(self, open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
        async with open_scene(tasks=[BROKEN], watch=watch) as scene:
            scene.failure(await sentiment(scene))
            scraped = await operator.scrape()
        assert scraped.value("glassbox_interactions_total", outcome="failed", reason="model_failed") == 1
        assert scraped.all("glassbox_worker_answers_total") == {("failed", "model_failed", "sentiment"): 1}
        assert scraped.all("glassbox_answer_seconds_count") == {}

    async def test_a_full_queue(self, open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
        async with open_scene(limits=Limits(requests=1), watch=watch) as scene:
            await scene.worker.load(["sentiment"])
            async with device_held(scene.worker):
                scene.invoke(scene.alice, "sentiment", text=TEXTS[0])
                await scene.until(lambda: scene.worker.status().rows_waiting)
                refused = scene.invoke(scene.bob, "sentiment", text=TEXTS[1])
                await scene.until(lambda: refused.response)
            await scene.env.settle()
            scene.env.errors.clear()
            scraped = await operator.scrape()
        for name in ("glassbox_interactions_total", "glassbox_worker_answers_total"):
            assert scraped.value(name, outcome="refused", reason="queue_full") == 1
            assert scraped.value(name, outcome="answered") == 1

    async def test_a_checkpoint_that_cannot_be_loaded(
        self, open_scene: OpenScene, watch: Watch, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*arguments: Any) -> Any:
            raise RuntimeError

        monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", broken)
        async with open_scene(watch=watch) as scene:
            scene.failure(await sentiment(scene))
            scraped = await operator.scrape()
        assert scraped.value("glassbox_interactions_total", outcome="unavailable", reason="model_unavailable") == 1
        assert scraped.all("glassbox_checkpoint_load_failures_total") == {("tiny-distilbert",): 1}
        assert scraped.all("glassbox_checkpoint_load_seconds_count") == {}

    async def test_a_message_that_was_deleted(self, open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
        async with open_scene(watch=watch) as scene:
            scene.env.inject_error("PATCH", ORIGINAL, status=404, code=10008)
            await sentiment(scene)
            scraped = await operator.scrape()
        assert scraped.all("glassbox_interactions_total") == {("sentiment", "command", "gone", ""): 1}

    async def test_a_bug(
        self, open_scene: OpenScene, watch: Watch, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_scene(watch=watch) as scene:
            monkeypatch.setattr(scene.worker, "submit", lambda *arguments, **options: 1 / 0)
            await sentiment(scene)
            scene.env.errors.clear()
            scraped = await operator.scrape()
        assert scraped.all("glassbox_interactions_total") == {("sentiment", "command", "failed", "unexpected"): 1}

    @pytest.mark.breaks_protocol("silence", reason="the process ends before the answer")
    async def test_a_process_that_ends_first(self, open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
        async with open_scene(watch=watch) as scene:
            await scene.worker.load(["sentiment"])
            async with device_held(scene.worker):
                scene.invoke(scene.alice, "sentiment", text=TEXTS[0])
                await scene.until(lambda: scene.worker.status().rows_waiting)
                [task] = scene.bot.pending_interactions._tasks
                task.cancel()
                await asyncio.wait([task])
            scraped = await operator.scrape()
        assert scraped.value("glassbox_interactions_total", outcome="failed", reason="stopped") == 1
        assert scraped.value("glassbox_worker_answers_total", outcome="gone") == 1


async def test_no_label_is_of_a_person(open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
    """Whoever asks for whatever: the series are those of the first request."""
    async with open_scene(watch=watch) as scene:
        await sentiment(scene)
        first = await operator.scrape()
        for name in ("carol", "dan", "erin"):
            member = scene.guild.add_member(scene.env.create_user(name))
            await member.slash(scene.channel, "sentiment", text=f"I am {name}")
        second = await operator.scrape()
    assert first.series == second.series
    assert second.value("glassbox_interactions_total") == 4
    assert {label for one in second.samples for label in one.labels} == {
        *("checkpoint", "command", "device", "discord", "kind", "le", "name", "operation", "outcome", "phase"),
        *("python", "reason", "shard", "task", "version"),
    }


async def test_names_that_are_not_ours_are_unknown(open_scene: OpenScene, watch: Watch, operator: Operator) -> None:
    """A button of another version has any name that it likes."""
    async with open_scene(watch=watch) as scene:
        result = await sentiment(scene)
        scene.bot._action_handlers.clear()
        await scene.alice.click(result.response, label="Show the work")
        scene.env.errors.clear()
        scraped = await operator.scrape()
    ended = scraped.all("glassbox_interactions_total", kind="component")
    assert ended == {("unknown", "invalid", "request_forgotten"): 1}
