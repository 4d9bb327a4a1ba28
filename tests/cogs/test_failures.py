"""What goes wrong on our side or on Discord's, and what people see of it."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import simcord
from simcord import interactions

from bot.errors import UNEXPECTED, ModelFailed, ShuttingDown
from bot.inference.operations import Budget, Operation, Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.worker import Limits
from bot.replies import pending
from bot.replies.delivery import WITHDRAWN
from bot.tasks import all_tasks
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from tests.cogs.conftest import OpenScene, Scene
from tests.timers import PATIENCE

SECRET = "swordfish"
ORIGINAL = "/webhooks/*/messages/@original"
CALLBACK = "/interactions/*/callback"


def fail(rows: Sequence[Row[Any]]) -> Sequence[Any]:
    raise RuntimeError(SECRET)


def judge_badly(head: Any, request: SentimentRequest) -> TaskRun[SentimentResult]:
    yield from Operation("broken", fail, Budget(100))([Row(request.text, 1)])
    raise AssertionError


BROKEN = Task("sentiment", SentimentRequest, {HeadKind.SEQUENCE_CLASSIFIER: Implementation(judge_badly)})


@dataclass(frozen=True)
class Occupy(Request[None]):
    """Keeps the device busy until it is released."""

    started: threading.Event
    release: threading.Event


def occupy(head: Any, request: Occupy) -> TaskRun[None]:
    def run(rows: Sequence[Row[Any]]) -> Sequence[Any]:
        request.started.set()
        assert request.release.wait(PATIENCE)
        return [None for _ in rows]

    yield from Operation("occupy", run, Budget(100))([Row(None, 1)])


OCCUPY = Task("occupy", Occupy, {HeadKind.SEQUENCE_CLASSIFIER: Implementation(occupy)})


async def sentiment(scene: Scene, text: str = "I love apples") -> Any:
    return await scene.alice.slash(scene.channel, "sentiment", text=text)


AUTOCOMPLETION = 4
"""Discord's type of the interaction."""


class TestModel:
    async def test_its_error_is_neither_shown_nor_logged(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        async with open_scene(tasks=[BROKEN]) as scene:
            result = await sentiment(scene, f"my password is {SECRET}")

            assert scene.failure(result) == ModelFailed().sentence
            assert SECRET not in str([request.json for request in scene.env.http_requests])
        assert SECRET not in caplog.text
        assert "RuntimeError at test_failures.py" in caplog.text

    async def test_an_error_of_ours_is_told_as_such(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def submit(*arguments: Any, **options: Any) -> None:
            raise RuntimeError(SECRET)

        async with open_scene() as scene:
            monkeypatch.setattr(scene.backend, "submit", submit)

            result = await sentiment(scene)

            assert scene.refusal(result) == str(UNEXPECTED)
        assert SECRET not in caplog.text
        assert "/sentiment failed: RuntimeError at test_failures.py" in caplog.text

    async def test_an_error_in_an_autocompletion(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def languages(task: str) -> None:
            raise RuntimeError(SECRET)

        async with open_scene() as scene:
            monkeypatch.setattr(scene.backend, "languages", languages)

            assert await scene.alice.autocomplete(scene.channel, "translate", "to", "ger") == []
            unreadable = {"name": "to", "type": 3, "focused": True}  # without what was typed
            data = scene.slash_data(scene.alice, scene.channel.id, "translate", {"text": SECRET, "to": SECRET})
            data["options"] = [unreadable]
            place = {"channel_id": scene.channel.id, "guild_id": scene.guild.id, "user_id": scene.alice.id}
            record, payload = interactions.base_payload(scene.env.backend, type=AUTOCOMPLETION, data=data, **place)
            scene.env.backend.emit("INTERACTION_CREATE", payload)
            asked = simcord.InteractionResult(scene.env, record)
            await scene.until(lambda: asked.acknowledged)
            assert asked.autocomplete_choices == []
        assert SECRET not in caplog.text
        assert "RuntimeError at test_failures.py" in caplog.text
        assert "an autocompletion failed: KeyError" in caplog.text


class TestWaiting:
    async def test_a_notice_and_then_the_answer(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene() as scene:
            asking = asyncio.create_task(sentiment(scene))
            await scene.until(scene.edits)
            loading.set()
            result = await asking

            notice, *_, final = scene.edits()
            assert notice["content"].startswith("Loading tiny-distilbert")
            assert notice["content"].endswith("Your answer follows here by itself.")
            assert final["content"] is None
            assert result.response.content == ""
            assert result.response.embeds

    async def test_a_full_queue_refuses_at_once(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene(limits=Limits(requests=1)) as scene:
            waiting = scene.worker.submit(SentimentRequest("first"), person=1)

            result = await sentiment(scene)

            # As long as its checkpoint usually takes to load.
            told = r"Too many people are asking at once\. Please try again in about [1-5] seconds?\."
            assert re.fullmatch(told, scene.refusal(result))
            loading.set()
            await waiting

    async def test_one_person_may_not_fill_the_queue(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene(limits=Limits(per_person=1)) as scene:
            waiting = scene.worker.submit(SentimentRequest("first"), person=scene.alice.id)

            result = await sentiment(scene)

            assert "You already have a request waiting." in scene.refusal(result)
            loading.set()
            await waiting

    async def test_people_share_a_batch(self, open_scene: OpenScene, make_preset: Any) -> None:
        preset = make_preset(sentiment="distilbert", occupy="distilbert")
        started, release = threading.Event(), threading.Event()
        async with open_scene(preset, tasks=[*all_tasks(), OCCUPY]) as scene:
            await scene.worker.run(SentimentRequest("loads the checkpoint"), person=1)
            busy = scene.worker.submit(Occupy(started, release), person=1)
            await scene.until(started.is_set)
            before = scene.worker.status()

            results = [
                scene.invoke(who, "sentiment", text=text)
                for who, text in ((scene.alice, "I love apples"), (scene.bob, "I love pears"))
            ]
            await scene.until(lambda: scene.worker.status().rows_waiting == 2)
            release.set()
            await busy
            await scene.env.settle()

            after = scene.worker.status()
            assert (after.batches - before.batches, after.rows - before.rows) == (2, 3)  # one of them is Occupy's
            assert all(result.response is not None and result.response.embeds for result in results)

    async def test_a_restart_is_told(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene() as scene:
            asking = asyncio.create_task(sentiment(scene))
            await scene.until(scene.edits)
            closing = asyncio.create_task(scene.worker.aclose())
            await scene.until(lambda: scene.worker.status().requests == 0)
            loading.set()
            result = await asking
            await closing

            # In place of "thinking…", by one call.
            assert result.response.content == ShuttingDown().sentence
            assert not result.followups
            scene.env.errors.clear()

    async def test_a_cancelled_command_gives_its_request_up(
        self, open_scene: OpenScene, loading: threading.Event
    ) -> None:
        async with open_scene() as scene:
            scene.invoke(scene.alice, "sentiment", text="I love apples")
            await scene.until(scene.edits)
            [invoking] = [task for task in asyncio.all_tasks() if task.get_name() == "CommandTree-invoker"]
            assert scene.worker.status().requests == 1

            invoking.cancel()

            await scene.until(lambda: scene.worker.status().requests == 0)
            loading.set()


class TestDiscord:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [("POST", CALLBACK, 404, 10062), ("PATCH", ORIGINAL, 404, 10008), ("PATCH", ORIGINAL, 401, 50027)],
    )
    async def test_an_interaction_that_is_gone_is_given_up(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int, code: int
    ) -> None:
        caplog.set_level(logging.INFO)
        async with open_scene() as scene:
            scene.env.inject_error(method, path, status=status, code=code, message=SECRET)

            result = await sentiment(scene)

            assert not result.followups
            await scene.until(lambda: scene.worker.status().requests == 0)
            assert not scene.env.errors
        assert "the place of an answer is gone: " in caplog.text
        assert SECRET not in caplog.text

    async def test_a_reply_that_discord_does_not_take(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_scene() as scene:
            await sentiment(scene)  # so that the next one needs no notice
            scene.env.inject_error("PATCH", ORIGINAL, status=400, message=SECRET)

            result = await sentiment(scene)

            assert result.response is None
            assert [told.content for told in result.followups] == [str(UNEXPECTED)]
            assert result.followups[0].ephemeral
            assert len(scene.env.errors) == 1
        assert "/sentiment failed: HTTPException" in caplog.text
        assert SECRET not in caplog.text

    async def test_a_notice_that_discord_does_not_take(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene() as scene:
            scene.env.inject_error("PATCH", ORIGINAL, status=500)
            asking = asyncio.create_task(sentiment(scene))
            await scene.until(scene.edits)
            loading.set()

            result = await asking

            assert result.response.embeds

    @pytest.mark.parametrize(("method", "times"), [("PATCH", 2), ("DELETE", 2)])
    async def test_a_withdrawal_that_fails_still_deletes(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, method: str, times: int | None
    ) -> None:
        monkeypatch.setattr(pending, "RETRY_SECONDS", 0.01)
        async with open_scene(tasks=[BROKEN]) as scene:
            scene.env.inject_error(method, ORIGINAL, status=500, times=times)

            result = await sentiment(scene)

            assert scene.failure(result) == ModelFailed().sentence

    async def test_a_response_that_discord_does_not_delete(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pending, "RETRY_SECONDS", 0.01)
        async with open_scene(tasks=[BROKEN]) as scene:
            scene.env.inject_error("DELETE", ORIGINAL, status=500, times=None)

            result = await sentiment(scene)

            assert result.response.content == str(WITHDRAWN)
            assert result.followups[0].content == ModelFailed().sentence
            assert result.followups[0].ephemeral
            assert len(scene.env.errors) == 1

    async def test_somebody_who_cannot_be_told(self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        async with open_scene() as scene:
            scene.env.inject_error("POST", CALLBACK, status=400, times=None)

            result = await sentiment(scene, " ")

            assert not result.acknowledged
            assert len(scene.env.errors) == 1
        assert "could not be told what went wrong: HTTPException" in caplog.text
