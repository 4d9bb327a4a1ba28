"""`/chat`: a conversation that a channel keeps."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.errors import RequestForgotten
from bot.replies import pending
from bot.storage.tables import REQUESTS
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.pacing import held_after
from tests.support import device_held


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models never end a text by themselves."""
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 6)
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())


def description(result: Any) -> str:
    return str(result.response.embeds[0].description)


def footer(result: Any) -> str:
    return str(result.response.embeds[0].footer.text)


async def chat(scene: Scene, message: str, **options: Any) -> Any:
    return await scene.alice.slash(scene.channel, "chat", message=message, **options)


class TestHistory:
    async def test_the_model_is_told_what_was_said_before(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            first = await chat(scene, "I love apples.")
            second = await scene.bob.slash(scene.channel, "chat", message="Why?")

            assert "Remembers" not in footer(first)
            assert "Remembers 1 earlier message of this channel with its answer." in footer(second)
            [exchange] = asked[1].history
            assert (exchange.speaker, exchange.message) == ("alice", "I love apples.")
            assert exchange.answer
            assert asked[1].speaker == "bob"

    async def test_of_another_channel_is_not_told(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            await chat(scene, "I love apples.")
            scene.channel = scene.guild.create_text_channel("other")
            await chat(scene, "Why?")
            await scene.alice.user.slash("chat", message="Why?")

            assert [request.history for request in asked] == [(), (), ()]

    async def test_survives_a_restart(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            await scene.alice.user.slash("chat", message="I love apples.")
            await scene.restart()
            await scene.alice.user.slash("chat", message="Why?")

            assert [exchange.message for exchange in asked[1].history] == ["I love apples."]

    async def test_in_group_channels_everybody_speaks_in_it(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            first = await scene.ask_in_group("chat", message="I love apples.")
            group = first.response.channel_id
            async with scene.store.conversations.turn(group) as turn:
                assert [exchange.speaker for exchange in turn.history] == ["alice"]

    async def test_two_people_at_once_are_answered_in_order(
        self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_scene() as scene:
            await chat(scene, "Hello")
            with held_after(monkeypatch, 2) as go_on:
                first = scene.invoke(scene.alice, "chat", message="I love apples.")
                await scene.until(lambda: len(asked) == 2)
                second = scene.invoke(scene.bob, "chat", message="So do I.")
                await scene.until(lambda: second.acknowledged)  # and does not wait for more than three seconds
                assert len(asked) == 2
                go_on.set()
                await scene.env.settle()

            assert [exchange.message for exchange in asked[2].history] == ["Hello", "I love apples."]
            assert description(first).startswith("> I love apples.\n")
            assert description(second).startswith("> So do I.\n")
            assert not second.followups

    async def test_a_failure_is_not_remembered(
        self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bot.inference.heads.generation.continuous_batching import RunningBatch

        def fail(decoder: RunningBatch[Any]) -> None:
            raise RuntimeError

        async with open_scene() as scene:
            with monkeypatch.context() as patch:
                patch.setattr(RunningBatch, "step", fail)
                failed = await chat(scene, "I love apples.")
            await chat(scene, "Why?")

            assert "The model failed" in failed.followups[0].content
            assert asked[1].history == ()
            assert len(scene.env.errors) == 1


class TestForget:
    async def test_by_the_option(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            await chat(scene, "I love apples.")
            await chat(scene, "Hello", new=True)
            await chat(scene, "Why?")

            assert asked[1].history == ()
            assert [exchange.message for exchange in asked[2].history] == ["Hello"]

    async def test_without_saying_anything(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            await chat(scene, "I love apples.")
            result = await scene.alice.slash(scene.channel, "chat", new=True)
            await chat(scene, "Why?")

            assert result.response.content == (
                "alice has begun a new conversation: I have forgotten what was said with /chat in this channel."
            )
            assert not result.ephemeral
            assert asked[1].history == ()

    async def test_by_the_button_of_whoever_is_there(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            first = await chat(scene, "I love apples.")
            await scene.restart()

            result = await scene.bob.click(first.response.message, label="New conversation")
            again = await scene.bob.click(first.response.message, label="New conversation")
            await chat(scene, "Why?")

            assert result.response.content.startswith("bob has begun a new conversation")
            assert again.ephemeral
            assert again.response.content == RequestForgotten().sentence
            assert asked[1].history == ()

    async def test_while_an_answer_is_written(
        self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_scene() as scene:
            await chat(scene, "Hello")
            with held_after(monkeypatch, 2) as go_on:
                scene.invoke(scene.alice, "chat", message="I love apples.")
                await scene.until(lambda: len(asked) == 2)
                result = scene.invoke(scene.bob, "chat", new=True)
                await scene.until(lambda: result.response is not None)
                go_on.set()
                await scene.env.settle()
            await chat(scene, "Why?")

            assert asked[2].history == ()

    async def test_while_somebody_opens_an_answer(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await chat(scene, "I love apples.")
            async with device_held(scene.worker):
                opened = scene.press(scene.bob, first.response, "Show the work")
                await scene.until(lambda: scene.worker.status().rows_waiting)
                result = scene.invoke(scene.bob, "chat", new=True)
                await scene.until(lambda: result.response is not None)
            await scene.env.settle()

            assert opened.response.embeds  # it is shown all the same, and nothing behind its menu is kept
            assert "apples" not in str(await scene.store.database.rows(select(REQUESTS)))

    async def test_neither_a_message_nor_anew(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "chat")

            assert scene.refusal(result) == "Write a `message`, or set `new` to True to forget what was said here."

    async def test_a_channel_that_discord_does_not_name(self, open_scene: OpenScene, monkeypatch: Any) -> None:
        async with open_scene() as scene:
            monkeypatch.setattr("discord.Interaction.channel_id", None)
            result = await chat(scene, "Hello")

            assert "Discord does not tell me which channel this is." in scene.refusal(result)

    async def test_names_are_inert(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            eve = scene.guild.add_member(scene.env.create_user("eve", global_name="**@everyone**"))
            result = await eve.slash(scene.channel, "chat", new=True)

            assert result.response.content.startswith("\\*\\*@\u200beveryone\\*\\* has begun")
            [sent] = [one for one in scene.env.http_requests if one.path.endswith("/callback")]
            assert sent.json["data"]["allowed_mentions"] == {"parse": []}


async def test_a_checkpoint_without_a_template_says_so(
    open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.chat.has_chat_template", lambda head: False)
    async with open_scene(make_preset(chat="llama")) as scene:
        result = await chat(scene, "Hello")

        assert "This checkpoint has no chat template: it has continued a plain transcript." in footer(result)


async def test_is_shown_as_it_is_written_and_stopped(
    open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 200)
    async with open_scene() as scene:
        with held_after(monkeypatch, 12) as go_on:
            result = scene.invoke(scene.alice, "chat", message="Hello")
            await scene.until(lambda: result.response is not None and result.response.embeds)
            assert description(result).startswith("> Hello\n\n")
            assert description(result).endswith("▌")

            await scene.stop(result.response, go_on)

        assert description(result).endswith("…")
        await chat(scene, "Why?")
        [exchange] = asked[1].history  # what was said so far is remembered
        assert exchange.answer
