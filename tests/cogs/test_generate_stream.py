"""`/generate` as it is written, and the buttons under it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import simcord

from bot.errors import UNEXPECTED, AlreadyEnded, RequestForgotten, SomebodyElses
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.generation.continuous_batching import RunningBatch
from bot.replies import pending
from bot.replies.formatting.text import bold, quoted
from bot.storage import RequestStore
from bot.tasks.generate import GenerateRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.support import unescape
from tests.timers import PATIENCE

ORIGINAL = "/webhooks/*/messages/@original"
SECRET = "swordfish"
LONG = {"prompt": "Once", "max_new_tokens": 500}


class Pace:
    """How many steps generation may take."""

    def __init__(self) -> None:
        self._allowed = threading.Semaphore(0)
        self.held = False

    def allow(self, steps: int) -> None:
        self._allowed.release(steps)

    def take(self) -> None:
        if self.held:
            assert self._allowed.acquire(timeout=PATIENCE)

    def free(self) -> None:
        self.held = False
        self.allow(1_000)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "NOTICE_SECONDS", 0.01)
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pending, "RETRY_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model never ends a text by itself: it is a random one, which would do so at random."""
    monkeypatch.setattr(CausalLM, "end_ids", frozenset())


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pace]:
    """Generation goes on only as far as this allows; without end at first."""
    pace, step = Pace(), RunningBatch.step

    def step_when_allowed(decoder: RunningBatch[Any]) -> None:
        pace.take()
        step(decoder)

    monkeypatch.setattr(RunningBatch, "step", step_when_allowed)
    yield pace
    pace.free()


def labels(message: Any) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


def text(message: Any) -> str:
    return str(message.embeds[0].description)


def partial_edits(scene: Scene) -> list[str]:
    """The texts that were shown before the last one."""
    return [
        edit["embeds"][0]["description"]
        for edit in scene.edits()
        if edit.get("embeds") and edit["embeds"][0]["description"].endswith("▌")
    ]


async def streaming(scene: Scene, pace: Pace, **options: Any) -> simcord.InteractionResult:
    """Alice's answer, of which some words can be seen, and no more come for now."""
    pace.held = True
    pace.allow(3)
    result = scene.invoke(scene.alice, "generate", **{**LONG, **options})
    await scene.until(lambda: len(partial_edits(scene)) >= 1)
    return result


async def generated(scene: Scene, **options: Any) -> simcord.InteractionResult:
    result = await scene.alice.slash(scene.channel, "generate", **{"prompt": "Once", "max_new_tokens": 5, **options})
    assert result.response is not None
    return result


class TestStream:
    async def test_several_edits_and_then_the_whole_text(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            result = await streaming(scene, pace, max_new_tokens=12)
            assert result.response is not None
            assert labels(result.response) == ["Stop"]
            pace.allow(2)
            await scene.until(lambda: partial_edits(scene)[1:])
            pace.allow(2)
            await scene.until(lambda: partial_edits(scene)[2:])
            pace.free()
            await scene.env.settle()

            shown = partial_edits(scene)
            assert all(one.startswith("**Once**") for one in shown)
            assert [len(one) for one in shown] == sorted(len(one) for one in shown)
            assert "▌" not in text(result.response)
            assert text(result.response).endswith("…")
            assert labels(result.response) == ["Regenerate", "Continue", "Show the work"]
            assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())

    async def test_several_sequences(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            result = await streaming(scene, pace, num_return_sequences=3, max_new_tokens=9)
            pace.free()
            await scene.env.settle()

            assert partial_edits(scene)[0].startswith("> Once\n\n`1` ")
            assert partial_edits(scene)[0].count("▌") == 3
            assert labels(result.response) == ["Regenerate", "Continue 1", "Continue 2", "Continue 3", "Show the work"]

    async def test_a_quick_answer_is_edited_once(self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_scene() as scene:
            await generated(scene)  # loads the checkpoint
            monkeypatch.setattr(pending, "EDIT_SECONDS", 60.0)
            before = len(scene.edits())

            await generated(scene)

            assert len(scene.edits()) == before + 1

    @pytest.mark.parametrize("status", [429, 500])
    async def test_edits_that_discord_does_not_take(self, open_scene: OpenScene, pace: Pace, status: int) -> None:
        async with open_scene() as scene:
            await generated(scene)
            pace.held = True
            pace.allow(3)
            scene.env.inject_error("PATCH", ORIGINAL, status=status, times=2)
            result = scene.invoke(scene.alice, "generate", prompt="Once", max_new_tokens=8)
            await scene.until(lambda: partial_edits(scene)[2:])  # two failed, and one was taken
            pace.free()
            await scene.env.settle()

            assert text(result.response).endswith("…")
            assert labels(result.response) == ["Regenerate", "Continue", "Show the work"]
            assert not scene.env.errors

    async def test_a_deleted_message_gives_the_request_up(
        self, open_scene: OpenScene, pace: Pace, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        async with open_scene() as scene:
            result = await streaming(scene, pace)
            assert result.response is not None
            batches = scene.worker.status().batches

            scene.env.backend.delete_message(result.response.channel_id, result.response.id)
            pace.allow(3)
            await scene.until(lambda: scene.worker.status().requests == 0)
            pace.allow(3)
            await scene.env.settle()

            assert "the place of an answer is gone: NotFound" in caplog.text
            assert result.response is None
            assert not result.followups
            # The device is free for others, who need not wait for 500 tokens.
            pace.free()
            await generated(scene)
            assert scene.worker.status().batches == batches + 1

    async def test_an_error_on_the_way_takes_back_what_was_shown(
        self, open_scene: OpenScene, pace: Pace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(decoder: RunningBatch[Any]) -> None:
            raise RuntimeError(SECRET)

        async with open_scene() as scene:
            result = await streaming(scene, pace)
            monkeypatch.setattr(RunningBatch, "step", fail)
            pace.free()
            await scene.env.settle()

            assert "The model failed" in scene.failure(result)


class TestStop:
    async def test_ends_it_with_what_there_is(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            result = await streaming(scene, pace)
            shown = partial_edits(scene)[-1]

            pressed = scene.press(scene.alice, result.response, "Stop")
            await scene.until(lambda: pressed.acknowledged)
            pace.allow(1)
            await scene.until(lambda: scene.worker.status().requests == 0)
            await scene.env.settle()

            assert unescape(text(result.response)).startswith(unescape(shown.removesuffix("▌")))
            assert text(result.response).endswith("…")
            assert labels(result.response) == ["Regenerate", "Continue", "Show the work"]
            assert pressed.response is None or pressed.response.id == result.response.id
            assert not pressed.followups

    async def test_is_only_for_who_asked(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            result = await streaming(scene, pace, max_new_tokens=8)

            pressed = scene.press(scene.bob, result.response, "Stop")
            await scene.until(lambda: pressed.acknowledged)
            assert pressed.ephemeral
            assert pressed.response is not None
            assert pressed.response.content == SomebodyElses().sentence
            assert scene.worker.status().requests == 1
            pace.free()
            await scene.env.settle()

            assert labels(result.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_of_a_stream_that_a_restart_has_ended(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            result = await streaming(scene, pace)
            assert result.response is not None
            stored = scene.env.backend.get_message(result.response.channel_id, result.response.id)
            unfinished = stored.components
            pace.free()
            await scene.restart()
            stored.components = unfinished  # as if the last edit had not been made

            pressed = await scene.alice.click(result.response.message, label="Stop")

            assert pressed.ephemeral
            assert pressed.response.content == AlreadyEnded().sentence


class TestButtons:
    async def test_regenerate_answers_whoever_presses(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene, max_new_tokens=20)

            second = await scene.bob.click(first.response.message, label="Regenerate")

            assert not second.ephemeral
            assert second.response.id != first.response.id
            assert text(second.response).startswith("**Once**")
            assert text(second.response) != text(first.response)
            assert labels(second.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_regenerate_takes_another_seed(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene, max_new_tokens=20, seed=7)

            second = await scene.alice.click(first.response.message, label="Regenerate")

            assert text(second.response) != text(first.response)
            assert "· seed 7" in first.response.embeds[0].footer.text
            footer = second.response.embeds[0].footer.text
            assert "· seed " in footer
            seed = int(footer.split("seed ")[1].split()[0])
            third = await generated(scene, max_new_tokens=20, seed=seed)
            assert text(third.response) == text(second.response)

    async def test_continue_goes_on_from_the_text_so_far(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene)

            second = await scene.bob.click(first.response.message, label="Continue")

            [_, button, _] = first.response.components[0]["components"]
            request: Any = await scene.store.find(button["custom_id"].rsplit(":")[-1])
            assert request.prompt.startswith("Once")
            assert len(request.prompt) > len("Once")
            assert text(second.response).startswith((bold(request.prompt), quoted(request.prompt)))
            assert labels(second.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_one_of_several_goes_on(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene, num_return_sequences=2)

            second = await scene.alice.click(first.response.message, label="Continue 2")

            assert "`2`" not in text(second.response)
            assert labels(second.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_stream_too(self, open_scene: OpenScene, pace: Pace) -> None:
        async with open_scene() as scene:
            first = await generated(scene, max_new_tokens=12)
            pace.held = True
            pace.allow(3)

            pressed = scene.press(scene.bob, first.response, "Regenerate")
            await scene.until(lambda: pressed.response is not None and labels(pressed.response) == ["Stop"])
            stopping = scene.press(scene.bob, pressed.response, "Stop")
            await scene.until(lambda: stopping.acknowledged)
            pace.allow(1)
            await scene.env.settle()

            assert labels(pressed.response) == ["Regenerate", "Continue", "Show the work"]

    @pytest.mark.parametrize("label", ["Regenerate", "Continue"])
    async def test_work_after_a_restart(self, open_scene: OpenScene, label: str) -> None:
        async with open_scene() as scene:
            first = await generated(scene)
            await scene.restart()

            second = await scene.alice.click(first.response.message, label=label)

            assert not second.ephemeral
            assert text(second.response).replace("> ", "").startswith(("**Once", "Once"))

    async def test_work_in_direct_messages(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await scene.alice.user.slash("generate", prompt="Once", max_new_tokens=5)

            second = await scene.alice.user.click(first.response.message, label="Continue")

            assert labels(second.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_work_in_group_channels(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await scene.ask_in_group("generate", prompt="Once", max_new_tokens=5)

            pressed = scene.press(scene.bob, first.response, "Continue")
            await scene.env.settle()

            assert pressed.response is not None
            assert labels(pressed.response) == ["Regenerate", "Continue", "Show the work"]

    async def test_of_forgotten_requests(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene)
            async with RequestStore.open(None) as scene.store:
                await scene.restart()

                pressed = await scene.alice.click(first.response.message, label="Regenerate")

                assert pressed.ephemeral
                assert pressed.response.content == RequestForgotten().sentence

    @pytest.mark.parametrize("custom_id", ["glassbox:sing:abc", "glassbox-sing", "glassbox-page:next:abc"])
    async def test_that_nobody_knows_any_more(self, open_scene: OpenScene, custom_id: str) -> None:
        async with open_scene() as scene:
            first = await generated(scene)
            stored = scene.env.backend.get_message(first.response.channel_id, first.response.id)
            stored.components[0]["components"][0]["custom_id"] = custom_id

            pressed = await scene.alice.click(first.response.message, label="Regenerate")

            assert pressed.ephemeral
            assert pressed.response.content == RequestForgotten().sentence

    async def test_errors_behind_them_are_told_and_not_shown(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def again(request: GenerateRequest) -> GenerateRequest:
            raise RuntimeError(SECRET)

        async with open_scene() as scene:
            first = await generated(scene)
            monkeypatch.setattr(GenerateRequest, "again", again)

            pressed = await scene.alice.click(first.response.message, label="Regenerate")

            assert pressed.ephemeral
            assert pressed.response.content == str(UNEXPECTED)
        assert "the action regenerate failed: RuntimeError at test_generate_stream.py" in caplog.text
        assert SECRET not in caplog.text

    async def test_leave_nothing_behind_in_the_client(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await generated(scene)
            for _ in range(3):
                await scene.alice.click(first.response.message, label="Regenerate")

            views = scene.bot._connection._view_store
            assert not views._views
            assert not views._synced_message_views
            assert not scene.store.processes.writing._texts
