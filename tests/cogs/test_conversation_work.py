"""Show the work under `/complete` and `/chat`: every page, whose conversation it shows, and for how long."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.errors import RequestForgotten
from bot.replies import pending
from bot.replies.results.chat import NOTHING as NOTHING_SAID
from bot.replies.results.complete import NOTHING as NO_CODE
from bot.storage.tables import EXCHANGES, REQUESTS
from bot.tasks.work.request import WorkRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.pacing import held_after
from tests.cogs.test_inspect import labels, menu, opened, page_id

WORDS = "Which words made it write this"
STEPS = [
    "Text",
    "Tokens",
    "Model",
    "Hidden states",
    "Written tokens",
    "Alternatives",
    "Temperature and top_p",
    "Layer by layer",
    "What each layer adds",
    WORDS,
    "Ending",
    "Decision",
]
OF_ONE_WORD = [step for step in STEPS if step != WORDS]
SECRET = "swordfish"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 6)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model never ends a text by itself: it is a random one, which would do so at random."""
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())


async def chat(scene: Scene, message: str, who: Any = None) -> Any:
    return await (who or scene.alice).slash(scene.channel, "chat", message=message)


def names(shown: simcord.InteractionResult) -> list[str]:
    """The names of the pages behind the map."""
    return [option["label"].split("  ")[1] for option in menu(shown.response)["options"][1:]]


async def pages(shown: simcord.InteractionResult, who: Any) -> dict[str, str]:
    """The text of each page, by its name."""
    found = {}
    for number, name in enumerate(names(shown)):
        await who.select(shown.response.message, [str(number)], custom_id=page_id(shown.response))
        [embed] = shown.response.embeds
        assert embed.title.replace("\\", "") == f"{number + 1}. {name}"
        found[name] = embed.description
    return found


async def test_every_page_under_complete(open_scene: OpenScene, endless: None) -> None:
    async with open_scene() as scene:
        code = "# 😀 مرحبا @everyone ```\nx = ["
        result = await scene.alice.slash(scene.channel, "complete", code=code, language="Python", max_new_tokens=6)
        assert labels(result.response) == ["Regenerate", "Continue", "Show the work"]
        await scene.restart()

        shown = await opened(scene, scene.bob, result.response)
        said = await pages(shown, scene.bob)

        assert shown.ephemeral
        assert list(said) == STEPS
        assert "> # 😀 مرحبا @\u200beveryone \\`\\`\\`\n> x = \\[" in said["Text"].replace("> \\#", "> #")
        assert "temperature 0.2 and top\\_p 0.95" in said["Written tokens"]
        assert "had written 6 tokens, which is as much as it may here." in said["Ending"]
        assert "**Temperature** divides the logits" in said["Temperature and top_p"]
        # A word of the prompt stands in a code block there, in which nobody is mentioned.
        assert "@everyone" not in "".join(text for name, text in said.items() if name != WORDS)
        assert not scene.env.errors


async def test_what_a_button_wrote_can_be_opened_too(open_scene: OpenScene, endless: None) -> None:
    async with open_scene() as scene:
        first = await scene.alice.slash(scene.channel, "complete", code="x = [", max_new_tokens=4)

        second = await scene.bob.click(first.response.message, label="Continue")
        shown = await opened(scene, scene.bob, second.response)

        request: Any = await scene.store.find(page_id(shown.response).rsplit(":", 1)[-1])
        assert isinstance(request, WorkRequest)
        assert len(request.about.code) > len("x = [")  # type: ignore[attr-defined]


async def test_a_text_that_nobody_answered_before(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "inspect", text="def f(x):", command="complete")
        assert await pages(result, scene.alice)
        assert names(result) == STEPS


class TestConversation:
    async def test_is_the_one_that_the_answer_saw(self, open_scene: OpenScene, endless: None) -> None:
        async with open_scene() as scene:
            first = await chat(scene, "I love apples.")
            second = await chat(scene, "Why?")
            answer = first.response.embeds[0].description.partition("\n\n")[2].removesuffix("…")
            await chat(scene, f"Later: {SECRET}")
            await scene.restart()

            shown = await opened(scene, scene.alice, second.response)
            said = await pages(shown, scene.alice)

            assert shown.ephemeral
            assert list(said) == OF_ONE_WORD
            assert "it has the last message with its answer." in said["Text"]
            assert "user: I love apples." in said["Text"]
            assert answer.splitlines()[0] in said["Text"]
            assert "user: Why?" in said["Text"]
            assert said["Text"].endswith("assistant: ")
            assert SECRET not in said["Text"]
            assert "(special)" in said["Tokens"]
            assert "had written 6 tokens" in said["Ending"]
            assert not scene.env.errors

    async def test_everybody_in_its_channel_may_see_it(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await chat(scene, "I love apples.")
            second = await chat(scene, "Why?", scene.bob)

            carol = scene.guild.add_member(scene.env.create_user("carol"))
            shown = await opened(scene, carol, second.response)

            assert shown.ephemeral
            assert "user: alice: I love apples." in shown.response.embeds[0].description
            assert "user: bob: Why?" in shown.response.embeds[0].description

    @pytest.mark.parametrize("place", ["direct message", "group"])
    async def test_everywhere(self, open_scene: OpenScene, place: str) -> None:
        async with open_scene() as scene:
            if place == "group":
                result = await scene.ask_in_group("chat", message="I love apples.")
            else:
                result = await scene.alice.user.slash("chat", message="I love apples.")

            shown = await opened(scene, scene.alice, result.response)

            assert shown.ephemeral
            assert "user: I love apples." in shown.response.embeds[0].description

    async def test_what_was_said_is_not_live(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await chat(scene, "@everyone ```code``` ||😀|| مرحبا")
            second = await chat(scene, "**Why?**")

            shown = await opened(scene, scene.bob, second.response)

            text = shown.response.embeds[0].description
            assert "@everyone" not in text
            assert "```" not in text
            assert "||" not in text
            assert "**Why" not in text
            assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())

    async def test_longer_than_the_context(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await chat(scene, "first apples " * 100)
            await chat(scene, "second apples " * 100)
            third = await chat(scene, "Why?")
            assert "1 older one exceeds" in third.response.embeds[0].footer.text

            shown = await opened(scene, scene.alice, third.response)

            [embed] = shown.response.embeds
            assert "it has the last message with its answer. An older one had no room" in embed.description
            assert "first" not in embed.description
            assert "second" in embed.description


class TestForgotten:
    async def test_with_its_conversation(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            first = await chat(scene, SECRET)
            second = await chat(scene, "Why?")
            shown = await opened(scene, scene.alice, second.response)

            await scene.bob.click(first.response.message, label="New conversation")
            again = scene.press(scene.alice, second.response, "Show the work")
            await scene.env.settle()
            turned = await scene.alice.select(shown.response.message, ["1"], custom_id=page_id(shown.response))

            for refused in (again, turned):
                assert refused.ephemeral
                assert refused.response.content == RequestForgotten().sentence
            assert SECRET not in await kept(scene)

    async def test_while_the_answer_is_written(self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_scene() as scene:
            await chat(scene, SECRET)
            with held_after(monkeypatch, 2) as go_on:
                answering = scene.invoke(scene.alice, "chat", message="Why?")
                await scene.until(lambda: answering.response is not None and answering.response.embeds)
                forgetting = scene.invoke(scene.bob, "chat", new=True)
                await scene.until(lambda: forgetting.response is not None)
                go_on.set()
                await scene.env.settle()

            pressed = scene.press(scene.alice, answering.response, "Show the work")
            await scene.env.settle()

            assert pressed.response.content == RequestForgotten().sentence
            assert SECRET not in await kept(scene)

    async def test_the_button_for_a_new_conversation_keeps_none(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await chat(scene, SECRET)
            second = await chat(scene, "Why?")

            [button] = [
                one
                for row in second.response.components
                for one in row["components"]
                if one["label"] == "New conversation"
            ]
            request: Any = await scene.store.find(button["custom_id"].rsplit(":", 1)[-1])
            assert request.history == ()


async def kept(scene: Scene) -> str:
    """Everything that is kept."""
    return str([await scene.store.database.rows(select(table)) for table in (REQUESTS, EXCHANGES)])


class TestAnswersThatNobodyElseSees:
    """The bot is not in the server, which lets no such app speak in public: only the person who asks sees the pages."""

    async def ask(
        self, scene: Scene, who: Any, permissions: discord.Permissions | None = None, **options: Any
    ) -> simcord.InteractionResult:
        """Somebody uses the bot that they have installed to their account."""
        record, payload = scene._interaction(who, scene.channel.id, scene.guild.id, "chat", options)
        payload["authorizing_integration_owners"] = {"1": str(who.id)}
        payload["member"]["permissions"] = str((permissions or discord.Permissions.none()).value)
        scene.env.backend.emit("INTERACTION_CREATE", payload)
        await scene.env.settle()
        return simcord.InteractionResult(scene.env, record)

    async def test_are_no_part_of_the_channels_conversation(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await self.ask(scene, scene.alice, message=SECRET)
            public = await chat(scene, "Why?", scene.bob)
            private = await self.ask(scene, scene.bob, message="Why?")

            for result in (public, private):
                shown = await opened(scene, scene.bob, result.response)
                assert SECRET not in shown.response.embeds[0].description
                assert "Nothing was said before." in shown.response.embeds[0].description

    async def test_are_a_conversation_of_their_own(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await chat(scene, "Hello")
            await self.ask(scene, scene.alice, message=SECRET)
            second = await self.ask(scene, scene.alice, message="Why?")
            shown = await opened(scene, scene.alice, second.response)

            assert "Remembers 1 earlier message that nobody else saw, with" in second.response.embeds[0].footer.text
            assert SECRET in shown.response.embeds[0].description
            assert "Hello" not in shown.response.embeds[0].description

            told = await self.ask(scene, scene.alice, new=True)
            third = await chat(scene, "And?")
            assert told.response.content.endswith("what was said with /chat where nobody else sees the answers.")
            assert SECRET not in await kept(scene)
            assert "Remembers 1 earlier message of this channel" in third.response.embeds[0].footer.text

    async def test_an_app_that_may_speak_in_public_does(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await self.ask(scene, scene.alice, discord.Permissions(use_external_apps=True), message="Hello")
            second = await chat(scene, "Why?")
            assert "Remembers 1 earlier message of this channel" in second.response.embeds[0].footer.text


@pytest.mark.parametrize(("command", "option"), [("chat", "message"), ("complete", "code")])
async def test_nothing_was_written_but_the_token_that_ends(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, command: str, option: str
) -> None:
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset(range(450)))
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, command, **{option: "Hello"})
        assert any(str(one) in result.response.embeds[0].description for one in (NOTHING_SAID, NO_CODE))

        said = await pages(await opened(scene, scene.alice, result.response), scene.alice)

        assert list(said) == OF_ONE_WORD
        assert "The model ended the text itself: it wrote the token" in said["Ending"]
