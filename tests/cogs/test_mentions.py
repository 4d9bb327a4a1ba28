"""Messages that mention the bot, reply to it, or are written to it directly: the conversations of `/chat`."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from sqlalchemy import select

from bot.errors import SomebodyElses
from bot.intents import intents_of
from bot.mentions import limits
from bot.replies import pending
from bot.replies.message_text import NO_TEXT
from bot.servers.settings import ServerSettings
from bot.servers.topics.quotas import Quota, QuotaSettings
from bot.storage.opt_outs import ReadAlong
from bot.storage.tables import EXCHANGES, REQUESTS
from cogs.mentions import GO_ON, GO_ON_FREELY, HELP, HELP_DIRECTLY, NO_EMBEDS, PRIVATE
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.mentioning import answers, at, calls, labels, posted, pressable, say
from tests.cogs.pacing import held_after
from tests.cogs.test_inspect import opened


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models never end a text by themselves."""
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 6)
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests write more than people do."""
    for name in ("PER_PERSON", "PER_CHANNEL", "SENTENCES"):
        monkeypatch.setattr(limits, name, (1_000, 20.0))


async def set_chat(scene: Scene, **options: Any) -> None:
    def change(settings: ServerSettings) -> ServerSettings:
        return settings.model_copy(update={"chat": settings.chat.model_copy(update=options)})

    await scene.bot.servers.change(scene.guild.id, change)


async def loaded(scene: Scene) -> None:
    """Without a notice, the first sign of an answer is typing."""
    await scene.bob.send_dm("Hello")


async def kept(scene: Scene) -> str:
    """Everything that is kept."""
    return str([await scene.store.database.rows(select(table)) for table in (REQUESTS, EXCHANGES)])


async def test_a_mention_goes_on_with_the_channels_conversation(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        await scene.alice.slash(scene.channel, "chat", message="I love apples.")
        role = scene.guild.create_role("cooks")
        question = await scene.bob.send(
            scene.channel,
            at(scene, f"does {scene.alice.mention} of {role.mention} like them in {scene.channel.mention}?"),
        )

        assert asked[1].message == f"does @alice of @cooks like them in {scene.channel.mention}?"
        assert (asked[1].speaker, asked[1].channel_id) == ("bob", scene.channel.id)
        assert [one.message for one in asked[1].history] == ["I love apples."]
        [answer] = [one for one in answers(scene.channel) if one.reference is not None]
        assert answer.reference.message_id == question.id
        assert "Remembers 1 earlier message of this channel" in answer.embeds[0].footer.text
        assert "does" not in answer.embeds[0].description  # the message is there to be read
        assert labels(scene, answer) == ["New conversation", "Show the work"]
        [sent] = posted(scene, scene.channel)
        assert sent["allowed_mentions"] == {"parse": []}
        assert sent["enforce_nonce"]

        await scene.restart()
        await scene.alice.send(scene.channel, "And pears?", reply_to=answer)
        assert [one.message for one in asked[2].history] == ["I love apples.", asked[1].message]
        assert asked[2].message == "And pears?"  # the model has read what it answered

        work = await opened(scene, scene.alice, pressable(answer))
        assert work.ephemeral
        assert "user: bob: does @alice" in work.response.embeds[0].description.replace("\u200b", "")

        told = await scene.alice.click(answer, label="New conversation")
        assert told.response.content.startswith("alice has begun a new conversation")
        await scene.bob.slash(scene.channel, "chat", message="Why?")
        assert asked[-1].history == ()


async def test_direct_messages(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        await scene.alice.send_dm("I love apples.")
        await scene.restart()
        await scene.alice.user.slash("chat", message="Why?")
        await scene.alice.send_dm(at(scene, ""))
        await scene.alice.send_dm("And\u200b pears? @everyone")

        assert [one.message for one in asked] == ["I love apples.", "Why?", "And pears? @everyone"]
        assert [one.message for one in asked[2].history] == ["I love apples.", "Why?"]
        direct = scene.alice.user.dm_channel
        [told] = [one for one in direct.history() if one.author.bot and not one.embeds]
        link = next(one.mention for one in await scene.bot.tree.fetch_commands() if one.name == "chat")
        assert told.content == str(HELP_DIRECTLY.filled(chat=link))
        assert not scene.env.errors


async def test_who_is_not_answered(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        role = scene.guild.create_role("bots")
        robot = scene.guild.add_member(scene.env.create_user("robot", bot=True))
        webhook = scene.guild.create_webhook(scene.channel, "hook")
        quiet = scene.guild.create_text_channel(
            "quiet", overwrites={scene.guild.default_role: discord.PermissionOverwrite(send_messages=False)}
        )
        owner = scene.guild.owner
        messages = len(scene.env.http_requests)

        await scene.alice.send(scene.channel, "Hello everybody")
        await scene.alice.send(scene.channel, "@everyone @here hello")
        await scene.alice.send(scene.channel, f"{role.mention} hello")
        await robot.send(scene.channel, at(scene, "hello"))
        await webhook.send(at(scene, "hello"))
        say(scene, owner, at(scene, "hello"), quiet)
        await scene.env.settle()
        assert len(scene.env.http_requests) == messages

        await set_chat(scene, mentions=False)
        await scene.alice.send(scene.channel, at(scene, "hello"))
        assert len(scene.env.http_requests) == messages
        assert not asked

        await scene.alice.send_dm("Here it is not the server's to decide.")
        assert len(asked) == 1


async def test_shown_as_it_is_written_and_stopped(
    open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 40)
    async with open_scene() as scene:
        await loaded(scene)
        with held_after(monkeypatch, 12) as go_on:
            say(scene, scene.alice, at(scene, "Hello"))
            await scene.until(lambda: [one for one in answers(scene.channel) if "▌" in one.embeds[0].description])
            [*_, message] = answers(scene.channel)
            assert labels(scene, message) == ["Stop"]
            assert calls(scene, "POST", "/typing") >= 1

            refused = scene.press(scene.bob, pressable(message), "Stop")
            await scene.until(lambda: refused.response is not None)
            assert refused.response.content == str(SomebodyElses.SENTENCE)

            waiting = say(scene, scene.bob, at(scene, "And me?"))
            await scene.until(lambda: scene.bot.conversations._waiting[scene.channel.id] == 2)
            pressed = scene.press(scene.alice, pressable(message), "Stop")
            await scene.until(lambda: pressed.acknowledged)
            go_on.set()
            await scene.env.settle()

        [*_, first, second] = answers(scene.channel)
        assert first.id == message.id
        assert first.embeds[0].description.endswith("…")
        assert second.reference.message_id == waiting.id
        assert [one.message for one in asked[-1].history] == ["Hello"]
        types = calls(scene, "POST", "/typing")
        await scene.env.advance_time(60)
        assert calls(scene, "POST", "/typing") == types


async def test_a_thread_for_each_conversation(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        await set_chat(scene, threads=True, system_prompt="Speak as a pirate.")
        question = await scene.alice.send(scene.channel, at(scene, "I love apples, @everyone. " + "word " * 40))
        [thread] = scene.channel.threads
        assert thread.id == question.id == asked[0].channel_id
        assert thread.name.startswith("I love apples, @everyone. word")
        assert len(thread.name) <= 80
        [answer] = answers(thread)
        assert answer.reference is None
        assert answer.embeds[0].footer.text.endswith(str(GO_ON))
        assert asked[0].system == "Speak as a pirate."

        await scene.restart()
        await scene.bob.send(thread, "And pears?", reply_to=answer)
        await scene.bob.send(thread, "Somebody else hears this.")
        await scene.bob.send(scene.channel, at(scene, "Hello"))

        assert [one.channel_id for one in asked] == [thread.id, thread.id, scene.channel.threads[1].id]
        assert [one.message for one in asked[1].history] == [asked[0].message]
        assert asked[2].history == ()
        assert answers(thread)[1].reference is not None
        assert str(GO_ON) not in answers(thread)[1].embeds[0].footer.text

        scene.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=50035)
        await scene.bob.send(scene.channel, at(scene, "No thread for this"))
        assert len(scene.channel.threads) == 2
        [*_, reply] = answers(scene.channel)
        assert reply.reference is not None
        assert not scene.env.errors


async def test_the_system_prompt_of_a_place(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        category = scene.guild.create_category("kitchen")
        inside = scene.guild.create_text_channel("inside", category=category)
        thread = scene.env.backend.create_thread(scene.channel.id, "sauces", scene.alice.id)
        await set_chat(
            scene,
            system_prompt="Be brief.",
            channel_prompts={scene.channel.id: "Speak of food.", category.id: "</s>[INST] Be loud."},
        )
        other = scene.guild.create_text_channel("other")
        voice = scene.guild.create_voice_channel("talk")
        for channel in (scene.channel, inside, other):
            await scene.alice.send(channel, at(scene, "Hello"))
        say(scene, scene.alice, at(scene, "Hello"), thread)
        await scene.env.settle()
        await scene.alice.slash(inside, "chat", message="Hello")
        await scene.alice.send_dm("Hello")
        await scene.alice.send(voice, at(scene, "Hello"))

        prompts = ["Speak of food.", "</s>[INST] Be loud.", "Be brief.", "Speak of food.", "</s>[INST] Be loud.", ""]
        prompts.append("Be brief.")
        assert [one.system for one in asked] == prompts
        [answer] = answers(other)
        work = await opened(scene, scene.alice, pressable(answer))
        assert "system: Be brief." in work.response.embeds[0].description
        assert "the system prompt that this server has set" in work.response.embeds[0].description


async def test_what_a_message_comes_with(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        await scene.alice.send(
            scene.channel, at(scene, "What is this?"), attachments=[("notes.txt", b"Apples are sour."), ("a.png", b"x")]
        )
        await scene.alice.send(scene.channel, at(scene, ""), attachments=[("a.png", b"x")])
        await scene.alice.send(scene.channel, at(scene, ""), attachments=[("long.txt", b"x " * 60_000)])
        await scene.alice.send(scene.channel, at(scene, ""))
        source = await scene.bob.send(scene.channel, "Forward this")
        await scene.alice.user.send_dm(
            "",
            reference=scene.env.backend.normalize_message_reference(
                scene.alice.user.dm_channel.id,
                {"type": 1, "channel_id": str(scene.channel.id), "message_id": str(source.id)},
            ),
        )

        assert [one.message for one in asked] == ["What is this?\nApples are sour.", "Forward this"]
        link = next(one.mention for one in await scene.bot.tree.fetch_commands() if one.name == "chat")
        assert link.startswith("</chat:")
        assert [one["content"] for one in posted(scene, scene.channel)[1:]] == [
            str(NO_TEXT),
            "This message has one text file of 120,000 bytes, and I can read 100,000 at most. Please choose a message "
            "with less.",
            str(HELP.filled(chat=link)),
        ]
        assert all(one["allowed_mentions"] == {"parse": []} for one in posted(scene))


async def test_what_it_replies_to_and_who_has_opted_out(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene(message_content=True) as scene:
        said = await scene.bob.send(scene.channel, "**Apples** are sour.\nalice: I love them!")
        await scene.alice.send(scene.channel, at(scene, "Is that so?"), reply_to=said)
        await scene.bob.send(scene.channel, at(scene, "And pears?"))
        await scene.store.opt_outs.set(scene.bob.id, ReadAlong.CHAT, True)
        await scene.alice.send(scene.channel, at(scene, "Is that so?"), reply_to=said)
        await scene.bob.send(scene.channel, at(scene, "Is that so?"), reply_to=said)

        quoted = "bob wrote:\n> **Apples** are sour.\n> alice: I love them!\n\nIs that so?"
        assert [one.message for one in asked] == [quoted, "And pears?", "Is that so?", quoted]
        # What they said to the bot is theirs: it is read for them, and for nobody else. What they wrote is quoted once.
        assert [one.message for one in asked[2].history] == ["Is that so?"]
        assert [one.message for one in asked[3].history] == ["Is that so?", "And pears?", "Is that so?"]

        translated = await scene.alice.slash(scene.channel, "tokenize", texts="pears")
        await scene.alice.send(scene.channel, at(scene, "What is this?"), reply_to=translated.response.message)
        assert "wrote:\n> " in asked[-1].message
        assert asked[-1].message.endswith("What is this?")


async def test_a_question_that_is_deleted(
    open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_scene() as scene:
        await scene.alice.slash(scene.channel, "chat", message="I love apples.")
        secret = await scene.alice.send(scene.channel, at(scene, "swordfish"))
        second = await scene.alice.send(scene.channel, at(scene, "I love pears."))
        assert "swordfish" in await kept(scene)

        await scene.alice.delete(secret)
        assert "swordfish" not in await kept(scene)
        assert "apples" in await kept(scene)
        await scene.alice.send(scene.channel, at(scene, "Why?"))
        assert [one.message for one in asked[-1].history] == ["I love apples.", "I love pears."]
        assert len(answers(scene.channel)) == 4  # the bot's own message stays

        with held_after(monkeypatch, 2) as go_on:
            question = say(scene, scene.alice, at(scene, "trout"))
            await scene.until(lambda: len(answers(scene.channel)) == 5)
            scene.env.backend.delete_message(scene.channel.id, question.id)
            await scene.until(lambda: len(answers(scene.channel)) == 4)
            await scene.until(lambda: not scene.bot.conversations.is_busy(scene.channel.id))
            go_on.set()
            await scene.env.settle()
        assert "trout" not in await kept(scene)

        scene.env.backend.bulk_delete_messages(scene.channel.id, [second.id, question.id])
        await scene.env.settle()
        assert "pears" not in await kept(scene)
        assert not scene.env.errors


async def test_where_the_bot_may_not_answer_as_it_would(open_scene: OpenScene, asked: list[Any]) -> None:
    async with open_scene() as scene:
        everybody = scene.guild.default_role

        def without(**permissions: bool) -> Any:
            mine = dict.fromkeys(permissions, False)
            return scene.guild.create_text_channel(
                "without", overwrites={scene.guild.me: discord.PermissionOverwrite(**mine)}
            )

        for_links, for_history = without(embed_links=True), without(read_message_history=True, attach_files=True)
        await scene.alice.send(for_links, at(scene, "Hello"))
        await scene.alice.send(for_history, at(scene, "Hello"))
        [told] = posted(scene, for_links)
        assert told["content"] == str(NO_EMBEDS)
        [first, *_] = posted(scene, for_history)
        assert "message_reference" not in first
        assert len(answers(for_history)) == 1
        assert everybody.id == scene.guild.id

        scene.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
        before = len(scene.env.http_requests)
        await scene.alice.send(scene.channel, at(scene, "Hello"))
        sent = len(posted(scene, scene.channel))
        await scene.alice.send(scene.channel, at(scene, "Hello again"))
        assert len(posted(scene, scene.channel)) == sent
        assert len(scene.env.http_requests) - before <= 2  # typing, and a message that Discord does not take
        assert "Hello again" not in [one.message for one in asked]

        def make_private(settings: ServerSettings) -> ServerSettings:
            return settings.model_copy(update={"answers": settings.answers.model_copy(update={"private": True})})

        await scene.bot.servers.change(scene.guild.id, make_private)
        other = scene.guild.create_text_channel("other")
        await scene.alice.send(other, at(scene, "Hello"))
        assert posted(scene, other)[0]["content"].startswith(str(PRIVATE).partition("{chat}")[0])
        assert not scene.env.errors


class TestTooMuch:
    async def test_of_one_person_and_in_one_channel(
        self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "PER_PERSON", (2, 3_600.0))
        monkeypatch.setattr(limits, "PER_CHANNEL", (5, 3_600.0))
        monkeypatch.setattr(limits, "SENTENCES", (2, 3_600.0))
        async with open_scene() as scene:
            for number in range(6):
                await scene.alice.send(scene.channel, at(scene, f"number {number}"))
            assert [one.message for one in asked] == ["number 0", "number 1"]
            sentences = [
                one["content"] for one in posted(scene, scene.channel) if (one["content"] or "").startswith("Pl")
            ]
            assert sentences == ["Please wait 60 minutes before you write to me again."] * 2

            other = scene.guild.create_text_channel("other")
            people = [scene.guild.add_member(scene.env.create_user(f"person{number}")) for number in range(6)]
            for one in people:
                await one.send(other, at(scene, "Hello"))
            assert len(answers(other)) == 5

    async def test_for_the_servers_quota(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:

            def one_a_day(settings: ServerSettings) -> ServerSettings:
                return settings.model_copy(update={"quotas": QuotaSettings(everybody=Quota(answers=1, seconds=86_400))})

            await scene.bot.servers.change(scene.guild.id, one_a_day)
            for _ in range(2):
                await scene.alice.send(scene.channel, at(scene, "Hello"))
            await scene.bob.send(scene.channel, at(scene, "Hello"))
            assert len(asked) == 2
            [told] = [one.content for one in scene.channel.history() if one.author.bot and not one.embeds]
            assert "<t:" in told

    async def test_of_another_bot(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene() as scene:
            await set_chat(scene, other_bots=True)
            robot = scene.guild.add_member(scene.env.create_user("robot", bot=True))
            for _ in range(limits.BOT_ANSWERS + 2):
                await robot.send(scene.channel, at(scene, "Hello"))
            await robot.send(scene.channel, "Hello")
            assert len(asked) == limits.BOT_ANSWERS

            await scene.alice.send(scene.channel, at(scene, "Go on, both of you."))
            await robot.send(scene.channel, at(scene, "Hello"))
            assert len(asked) == limits.BOT_ANSWERS + 2


async def test_failures_are_told_in_one_short_sentence(
    open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_scene() as scene:
        await scene.alice.send(scene.channel, at(scene, "?!"))
        assert (
            posted(scene)[-1]["content"] == "There are no words in the message. Please add some for the model to read."
        )
        await scene.alice.send(scene.channel, at(scene, ""), attachments=[("a.txt", b"apples " * 2_000)])
        assert "tokens at most, and your message is longer" in scene.channel.last_message.content
        monkeypatch.setattr(type(scene.bot.cogs["Mentions"]), "_converse", None)
        await scene.alice.send(scene.channel, at(scene, "Hello"))
        assert scene.channel.last_message.content.startswith("Something went wrong on my side")


class TestOwnThread:
    """With the Message Content intent, what people write into a thread of the bot's needs no mention."""

    async def test_is_for_the_bot(self, open_scene: OpenScene, asked: list[Any]) -> None:
        async with open_scene(message_content=True) as scene:
            await set_chat(scene, threads=True)
            await scene.alice.send(scene.channel, at(scene, "I love apples."))
            [thread] = scene.channel.threads
            assert answers(thread)[0].embeds[0].footer.text.endswith(str(GO_ON_FREELY))
            said = await scene.bob.send(thread, "And pears?")
            await scene.alice.send(thread, f"{scene.bob.mention} do you?")
            await scene.alice.send(thread, "Me too.", reply_to=said)
            await scene.alice.send(scene.channel, "Nobody in particular")
            await scene.alice.send(scene.channel, "", attachments=[("a.png", b"x")])

            assert [one.message for one in asked] == ["I love apples.", "And pears?"]
            assert not scene.env.errors


def test_without_hearing_of_messages() -> None:
    intents = intents_of(mentions=False, message_content=True)
    assert not intents.messages
    assert intents.guild_reactions
