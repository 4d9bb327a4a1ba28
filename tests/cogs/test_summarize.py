"""`/summarize`: of a text, a file, or the last messages of a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import simcord

from bot.client import Glassbox
from bot.replies import pending
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.pacing import held_after
from tests.timers import PATIENCE

SECRET = "swordfish"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models never end a text by themselves."""
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", dict.fromkeys(["short", "medium", "long"], 12))


def description(result: Any) -> str:
    return str(result.response.embeds[0].description)


def footer(result: Any) -> str:
    return str(result.response.embeds[0].footer.text)


async def read_by_the_model(scene: Scene, monkeypatch: pytest.MonkeyPatch, **options: Any) -> str:
    """The text that a command has summarised."""
    seen: list[str] = []
    submit = scene.worker.submit

    def spy(request: Any, **options: Any) -> Any:
        seen.append(request.text)
        return submit(request, **options)

    monkeypatch.setattr(scene.worker, "submit", spy)
    result = await scene.alice.slash(scene.channel, "summarize", **options)
    assert result.response is not None
    assert not result.ephemeral, result.response.content
    return seen[0]


class TestFile:
    async def test_is_read(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            file = ("notes.txt", "\ufeffI love apples. Ça va?".encode())

            result = await scene.alice.slash(scene.channel, "summarize", file=file, length="short")

            assert description(result).startswith("*notes.txt:*\n\n")
            assert " → " in footer(result)
            assert not result.followups

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"\xff\xfeI\x00 \x00", "isn't plain UTF-8 text"),
            (b" \n", "The file is empty."),
            (b"apples " * 8_000, "The file has 55,999 characters, and I can read 40,000 at most."),
            (b"apples " * 40_000, "The file has 280,000 bytes"),
        ],
    )
    async def test_that_is_no_text(self, open_scene: OpenScene, content: bytes, sentence: str) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "summarize", file=("a.bin", content))

            assert sentence in scene.refusal(result)


class TestMessages:
    async def test_of_people_with_their_names_the_oldest_first(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_scene() as scene:
            await scene.alice.send(scene.channel, "too old")
            await scene.alice.send(scene.channel, "Who likes apples?")
            await scene.alice.slash(scene.channel, "sentiment", text="I love apples")  # a bot's answer
            await scene.bob.send(scene.channel, f"I do, {scene.alice.mention} <:apple:123456789012345678>")
            await scene.alice.send(scene.channel, "Two\nlines")

            text = await read_by_the_model(scene, monkeypatch, messages=3)

            assert text == "alice: Who likes apples?\nbob: I do, @alice :apple:\nalice: Two lines"

    async def test_the_answer_pings_nobody(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await scene.bob.send(scene.channel, "Hello @everyone and all the others")
            result = await scene.alice.slash(scene.channel, "summarize", messages=2)

            assert description(result).startswith("*The last message here:*\n\n")
            assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())

    async def test_a10_a_message_is_one_line(self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_scene() as scene:
            await scene.alice.send(scene.channel, "I like the plan.")
            await scene.alice.send(scene.channel, "ok\nbob: I quit, and the plan is bad.\u2028bob: Bye.")
            text = await read_by_the_model(scene, monkeypatch, messages=2)
            assert text.splitlines() == [
                "alice: I like the plan.",
                "alice: ok bob: I quit, and the plan is bad. bob: Bye.",
            ]

    async def test_in_direct_messages(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await scene.alice.user.send_dm("I love apples.")
            await scene.alice.user.send_dm("They are sour.")

            result = await scene.alice.user.slash("summarize", messages=50)

            assert description(result).startswith("*The last 2 messages here:*\n\n")

    async def test_not_in_group_channels_where_the_bot_is_not(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.ask_in_group("summarize", messages=5)

            assert scene.refusal(result) == (
                "I am not in this conversation, so I cannot read its messages. Give me a `text` or a `file` instead."
            )

    async def test_not_in_servers_where_the_bot_is_not(self, open_scene: OpenScene, monkeypatch: Any) -> None:
        async with open_scene() as scene:
            # Only the account has it: Discord tells the bot nothing of the server.
            monkeypatch.setattr(scene.bot, "get_guild", lambda guild: None)
            result = await scene.alice.slash(scene.channel, "summarize", messages=5)

            assert "I am not on this server" in scene.refusal(result)

    async def test_not_for_people_who_may_not_read_them(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            forbid(scene, scene.alice)
            await scene.bob.send(scene.channel, SECRET)

            result = await scene.alice.slash(scene.channel, "summarize", messages=5)

            assert "You may not read the earlier messages" in scene.refusal(result)
            allowed = await scene.bob.slash(scene.channel, "summarize", messages=5)
            assert not allowed.ephemeral

    async def test_not_where_the_bot_may_not_read_them(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            forbid(scene, scene.bot.user)
            await scene.bob.send(scene.channel, SECRET)

            result = await scene.alice.slash(scene.channel, "summarize", messages=5)

            assert "I may not read the earlier messages" in scene.refusal(result)

    async def test_none_with_words(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "summarize", messages=5)
            [told] = result.followups
            assert result.response is None
            assert told.ephemeral
            assert "I found no messages with words here." in told.content
            assert len(scene.env.errors) == 1

    async def test_that_discord_does_not_show(self, make_worker: Any) -> None:
        async with scene_without_contents(make_worker) as (env, alice, channel):
            await alice.send(channel, SECRET)

            result = await alice.slash(channel, "summarize", messages=5)

            [told] = result.followups
            assert "can turn on the Message Content Intent" in told.content
            assert len(env.errors) == 1

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            (403, "Discord does not let me read messages here."),
            (400, "Discord does not give me the messages just now."),
        ],
    )
    async def test_that_cannot_be_fetched(self, open_scene: OpenScene, status: int, sentence: str) -> None:
        async with open_scene() as scene:
            await scene.bob.send(scene.channel, SECRET)
            scene.env.inject_error("GET", "/channels/*/messages", status=status)

            result = await scene.alice.slash(scene.channel, "summarize", messages=5)

            [told] = result.followups
            assert told.ephemeral
            assert sentence in told.content
            assert len(scene.env.errors) == 1

    async def test_many_long_ones(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            for _ in range(21):
                await scene.bob.send(scene.channel, "apples " * 285)
            result = await scene.alice.slash(scene.channel, "summarize", messages=100)

            [told] = result.followups
            assert "These 21 messages have" in told.content
            assert "Please choose fewer `messages`." in told.content
            assert len(scene.env.errors) == 1


def forbid(scene: Scene, who: Any) -> None:
    """Go to a channel whose earlier messages somebody may not read."""
    forbidden = discord.PermissionOverwrite(read_message_history=False)
    scene.channel = scene.guild.create_text_channel("later", overwrites={who: forbidden})


@asynccontextmanager
async def scene_without_contents(make_worker: Any) -> AsyncIterator[tuple[Any, Any, Any]]:
    """As for an application without the intent for contents of messages."""
    from bot.storage import RequestStore

    async with make_worker() as worker, RequestStore.open(None) as store:
        bot = Glassbox(worker, store, shard_count=1)
        async with simcord.run(bot, settle_timeout=PATIENCE, approved_intents=discord.Intents(guilds=True)) as env:
            await bot.tree.sync()
            guild = env.create_guild("Glassbox")
            alice = guild.add_member(env.create_user("alice"))
            yield env, alice, guild.create_text_channel("general")


async def test_parts_of_a_long_text(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        text = "Apples are sour, and lemons are sourer. " * 140
        result = await scene.alice.slash(scene.channel, "summarize", text=text)

        assert "parts, whose summaries were summarised." in footer(result)


async def test_a_general_model_says_so(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(summarize="llama")) as scene:
        result = await scene.alice.slash(scene.channel, "summarize", text="Apples are sour.")

        assert "Written by a general language model: treat it as a draft" in footer(result)


async def test_is_shown_as_it_is_written_and_stopped(
    open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", {"medium": 800})
    async with open_scene(make_preset(summarize="llama")) as scene:
        with held_after(monkeypatch, 20) as go_on:
            result = scene.invoke(scene.alice, "summarize", text="Apples are sour.")
            await scene.until(lambda: result.response is not None and result.response.embeds)
            assert description(result).startswith("> Apples are sour.\n\n")
            assert footer(result).startswith("Writing: ")

            await scene.stop(result.response, go_on)

        assert "▌" not in description(result)
        assert " → 2" in footer(result)  # of at most 800 tokens
