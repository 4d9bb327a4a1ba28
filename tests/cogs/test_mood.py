"""`/mood` and `/topics`: pictures of a channel, for those who may read it, and of nobody in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import simcord
from simcord.backend import serializers
from simcord.enums import ChannelType, MessageType
from sqlalchemy.exc import OperationalError

from bot.channels import access, history
from bot.replies.channels import survey
from bot.storage.opt_outs import ReadAlong
from tests.cogs.conftest import OpenScene, Scene
from tests.support import device_held
from tests.tiny import TEXTS

SECRET = "swordfish"
LABELS = "school, food, music"


def write(scene: Scene, number: int, *, channel: Any = None, text: str = "", who: Any = None) -> None:
    """Alice and Bob have written in turns, a minute apart."""
    backend = scene.env.backend
    for index in range(number):
        author = who or (scene.alice, scene.bob)[index % 2]
        said = text or f"{TEXTS[index % len(TEXTS)]} {index}"
        backend.create_message((channel or scene.channel).id, author.id, said)
        backend.clock.advance(60)


@asynccontextmanager
async def channel_scene(open_scene: OpenScene, messages: int = 40) -> AsyncIterator[Scene]:
    """A scene whose bot may see what people write, and whose channel is not empty."""
    async with open_scene(message_content=True) as scene:
        write(scene, messages)
        yield scene


def embed_of(result: Any) -> discord.Embed:
    assert result.response is not None
    assert result.response.embeds, (result.response.content, [one.content for one in result.followups])
    embeds: list[discord.Embed] = result.response.embeds
    [embed] = embeds
    return embed


def told(scene: Scene, result: Any) -> str:
    """The sentence that one person reads instead of an answer, whether it came at once or later."""
    assert scene.env.errors  # and they are known
    [message] = [one for one in (result.response, *result.followups) if one is not None]
    assert message.ephemeral
    return str(message.content)


def choose_forbidden(scene: Scene, who: Any, command: str, channel: Any, permissions: int = 0) -> Any:
    """Somebody names a channel that Discord would not offer them."""
    record, payload = scene._interaction(who, scene.channel.id, scene.guild.id, command, {})
    backend = scene.env.backend
    payload["data"]["options"] = [{"name": "channel", "type": 7, "value": str(channel.id)}]
    resolved = dict(serializers.channel_payload(backend, backend.get_channel(channel.id))) | {
        "permissions": str(permissions)
    }
    payload["data"]["resolved"] = {"channels": {str(channel.id): resolved}}
    backend.emit("INTERACTION_CREATE", payload)
    return simcord.InteractionResult(scene.env, record)


async def table_of(scene: Scene, result: Any) -> list[dict[str, str]]:
    """The rows of the file under a picture."""
    [file] = [one for one in result.response.attachments if one.filename.endswith(".csv")]
    text = (await scene.bot.http.get_from_cdn(file.url)).decode()
    return list(csv.DictReader(io.StringIO(text)))


def sent_bodies(scene: Scene) -> str:
    return json.dumps([request.json for request in scene.env.http_requests if request.json], default=str)


async def test_a_member_sees_the_mood_and_nobody_in_it(open_scene: OpenScene) -> None:
    async with channel_scene(open_scene) as scene:
        scene.env.backend.create_message(scene.channel.id, scene.env.backend.bot_user.id, f"{SECRET} by a bot")
        scene.guild.create_system_message(scene.channel, MessageType.NEW_MEMBER, author=scene.bob)
        hook = scene.guild.create_webhook(scene.channel)
        await hook.send(f"{SECRET} by a webhook")
        write(scene, 1, text="<:apple:123456789012345678>")
        write(scene, 1, text="!!!")
        carol = scene.guild.add_member(scene.env.create_user("carol"))
        await scene.store.opt_outs.set(carol.id, ReadAlong.MOODS, True)
        write(scene, 3, text=f"{SECRET} by somebody who has opted out", who=carol)

        result = await scene.alice.slash(scene.channel, "mood", messages=2_000)

        embed = embed_of(result)
        assert not result.ephemeral
        assert embed.title == "Mood of #general"
        assert "41 messages of " in str(embed.description)  # the emoji's name is a word
        fields = {field.name: str(field.value) for field in embed.fields}
        assert list(fields) == ["Most positive moments", "Most negative moments", "How to read it"]
        known = {str(message.id) for message in scene.channel.history()}
        for name in ("Most positive moments", "Most negative moments"):
            for line in fields[name].splitlines():
                assert line.rpartition("/")[2].rstrip(")") in known
                assert f"https://discord.com/channels/{scene.guild.id}/{scene.channel.id}/" in line
        assert "block bootstrap" in fields["How to read it"]
        assert str(embed.footer.text).startswith("tiny-distilbert · cpu float32 · ")
        rows = await table_of(scene, result)
        assert sum(int(row["messages"]) for row in rows) == 41
        assert list(rows[0]) == ["start", "end", "messages", "mean", "smoothed_mean", "band_low", "band_high"]
        for row in rows:
            if row["band_low"]:
                assert -1 <= float(row["band_low"]) <= float(row["smoothed_mean"]) <= float(row["band_high"]) <= 1
        [picture] = [one for one in result.response.attachments if one.filename == "mood.png"]
        assert picture.description.startswith("Mood of #general. 41 messages")
        bodies = sent_bodies(scene) + str(embed.to_dict())
        for own in (
            scene.alice.name,
            scene.bob.name,
            "carol",
            str(scene.bob.id),
            str(carol.id),
            SECRET,
            "terrible day",
        ):
            assert own not in bodies


async def test_topics_of_a_channel(open_scene: OpenScene) -> None:
    async with channel_scene(open_scene) as scene:
        result = await scene.alice.slash(scene.channel, "topics", labels='=school, "food & drink", music', messages=50)

        embed = embed_of(result)
        assert embed.title == "Topics of #general"
        assert "*unclear*" in str(embed.description)
        assert str(embed.footer.text).startswith("tiny-bart_mnli")
        rows = await table_of(scene, result)
        assert list(rows[0]) == ["start", "end", "messages", "'=school", "food & drink", "music", "unclear"]
        for row in rows:
            assert int(row["messages"]) == sum(int(row[label]) for label in list(row)[3:])
        assert sum(int(row["messages"]) for row in rows) == 40
        for labels, sentence in (("school", "I found one label"), ("a,b,c,d,e,f,g,h,i", "colours for 8 labels")):
            refused = await scene.alice.slash(scene.channel, "topics", labels=labels)
            assert sentence in told(scene, refused)


async def test_another_channel_is_for_those_who_may_read_it(open_scene: OpenScene) -> None:
    async with channel_scene(open_scene) as scene:
        moderator = scene.guild.create_role("moderator", permissions=discord.Permissions(manage_messages=True))
        carol = scene.guild.add_member(scene.env.create_user("carol"), roles=[moderator])
        hidden = discord.PermissionOverwrite(view_channel=False)
        staff = scene.guild.create_text_channel(
            "staff",
            overwrites={scene.alice: hidden, scene.bob: discord.PermissionOverwrite(read_message_history=False)},
        )
        write(scene, 30, channel=staff)
        # Discord offers no channel that one may not see, but a payload can name any.
        for who in (scene.alice, scene.bob):
            forbidden = choose_forbidden(scene, who, "mood", staff)
            await scene.env.settle()
            assert told(scene, forbidden) == str(access.NOT_YOU)
        allowed = await carol.slash(scene.channel, "mood", channel=staff, messages=50)
        assert embed_of(allowed).title == "Mood of #staff"
        assert allowed.ephemeral  # others in this channel may not read that one
        mute = scene.guild.create_text_channel(
            "mute", overwrites={scene.guild.me: discord.PermissionOverwrite(read_message_history=False)}
        )
        assert told(scene, await carol.slash(scene.channel, "mood", channel=mute)) == str(access.NOT_ME)
        forum = scene.guild.create_forum_channel("forum")  # which Discord does not offer
        everything = discord.Permissions(view_channel=True, read_message_history=True).value
        named = choose_forbidden(scene, carol, "mood", forum, everything)
        await scene.env.settle()
        assert told(scene, named) == str(access.NO_MESSAGES_THERE)


async def test_a_private_thread_is_for_those_in_it(open_scene: OpenScene) -> None:
    async with channel_scene(open_scene) as scene:
        backend = scene.env.backend
        thread = backend.create_thread(scene.channel.id, "secret plans", scene.bob.id, type=ChannelType.PRIVATE_THREAD)
        backend.add_thread_member(thread.id, scene.env.backend.bot_user.id)
        await scene.env.settle()
        handle = next(one for one in scene.channel.threads if one.id == thread.id)
        write(scene, 30, channel=handle)
        everything = discord.Permissions(view_channel=True, read_message_history=True).value
        forbidden = choose_forbidden(scene, scene.alice, "mood", handle, everything)
        await scene.env.settle()
        assert told(scene, forbidden) == str(access.NOT_IN_THREAD)
        allowed = await scene.bob.slash(scene.channel, "mood", channel=handle, messages=50)
        assert embed_of(allowed).title == "Mood of #secret plans"
        assert allowed.ephemeral


async def test_too_little_to_draw(open_scene: OpenScene) -> None:
    async with channel_scene(open_scene, messages=0) as scene:
        write(scene, 5)
        few = await scene.alice.slash(scene.channel, "mood")
        assert told(scene, few).startswith("I found 5 messages with words there, and a picture needs 20.")
        monologue = scene.guild.create_text_channel("monologue")
        write(scene, 30, channel=monologue, who=scene.bob)
        alone = await scene.alice.slash(monologue, "topics", labels=LABELS)
        assert told(scene, alone) == str(history.TOO_FEW_PEOPLE)
        for number in (49, 2_001):
            refused = await scene.alice.slash(scene.channel, "mood", messages=number)
            assert "`messages` must be from 50 to 2,000" in told(scene, refused)


async def test_where_there_is_nothing_to_read(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:
        for command, options in (("mood", {}), ("topics", {"labels": LABELS})):
            refused = await scene.alice.slash(scene.channel, command, **options)
            assert told(scene, refused) == str(access.NO_CONTENT)
            assert told(scene, await scene.ask_in_group(command, **options)) == str(access.NO_SERVER)
        monkeypatch.setattr(scene.bot, "get_guild", lambda guild: None)  # only the account has installed it
        assert told(scene, await scene.alice.slash(scene.channel, "mood")) == str(access.NOT_HERE)


async def test_nobody_is_counted_while_opt_outs_are_unknown(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with channel_scene(open_scene) as scene:

        async def fail(*arguments: object) -> None:
            raise OperationalError(SECRET, {}, Exception(SECRET))

        monkeypatch.setattr(scene.store.opt_outs, "among", fail)
        result = await scene.alice.slash(scene.channel, "mood")
        assert told(scene, result) == str(history.OPT_OUTS_UNKNOWN)


async def test_stop_makes_the_picture_of_what_there_is(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the person who asked may stop it, and one is made at a time."""
    monkeypatch.setattr(survey, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(survey, "EVERY_SECONDS", 0.01)
    async with channel_scene(open_scene, messages=150) as scene:
        await scene.worker.load_checkpoint("sentiment")
        judged = 0
        take = survey.Survey._take_one

        def stop_after(self: Any, *arguments: Any) -> None:
            nonlocal judged
            judged += 1
            take(self, *arguments)

        monkeypatch.setattr(survey.Survey, "_take_one", stop_after)
        async with device_held(scene.worker):
            asked = scene.invoke(scene.alice, "mood")
            await scene.until(lambda: scene.edits() and scene.edits()[-1].get("components"))
            [stop] = scene.edits()[-1]["components"][0]["components"]
            assert stop["label"] == "Stop"
            again = scene.invoke(scene.alice, "mood")
            await scene.until(lambda: again.response is not None)
            assert "still making a picture" in str(again.response.content)
            others = scene.press(scene.bob, asked.response, "Stop")
            await scene.until(lambda: others.response is not None)
            assert str(others.response.content).startswith("Only the person who asked can stop this answer.")
            assert judged == 0
            pressed = scene.press(scene.alice, asked.response, "Stop")
            await scene.until(lambda: pressed.acknowledged)
        await scene.env.settle()
        assert scene.worker.status().requests == 0
        assert told(scene, asked) == str(survey.NOTHING_JUDGED)
        # The next one is made, and says so if it is stopped half way.
        calls = 0

        def stop_half_way(self: Any, *arguments: Any) -> None:
            nonlocal calls
            calls += 1
            take(self, *arguments)
            if calls == 70:
                self._stop()

        monkeypatch.setattr(survey.Survey, "_take_one", stop_half_way)
        part = await scene.alice.slash(scene.channel, "mood")
        assert "You have stopped it" in str(embed_of(part).footer.text)
        rows = await table_of(scene, part)
        assert 70 <= sum(int(row["messages"]) for row in rows) < 150
        # It is a sample of the whole time, not of its beginning or its end.
        assert int(rows[0]["messages"]) > 0
        assert int(rows[-1]["messages"]) > 0
