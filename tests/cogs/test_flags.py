"""Flags under messages, which translate them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import discord
import pytest

from bot.flags import deletions, translator
from bot.servers.features import MessageFeature
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import AccessSettings, Rule, Subject
from bot.servers.topics.reactions import ReactionSettings
from bot.storage.opt_outs import ReadAlong
from tests.cogs.conftest import OpenScene, Scene

SPANISH = "¿Alguien sabe dónde está mi perro?"
GERMANY, FRANCE, SPAIN, ITALY, NORWAY, JAPAN, SWITZERLAND = "🇩🇪", "🇫🇷", "🇪🇸", "🇮🇹", "🇳🇴", "🇯🇵", "🇨🇭"


def reactions(**fields: Any) -> Callable[[ServerSettings], ServerSettings]:
    """Return the change that sets what flags do."""
    return lambda now: now.model_copy(update={"reactions": ReactionSettings(translate=True, **fields)})


def posts(scene: Scene, channel: Any = None) -> list[Any]:
    """Return the bot's messages in a channel."""
    messages = scene.env.backend.messages[(channel or scene.channel).id].values()
    return [one for one in messages if one.author_id == scene.env.backend.bot_user.id]


def shown(post: Any) -> str:
    return str(post.content or post.embeds[0]["description"])


async def flagged(scene: Scene, emoji: str, text: str = SPANISH) -> Any:
    """Bob writes a message, and Alice puts a flag under it."""
    message = await scene.bob.send(scene.channel, text)
    await scene.alice.react(message, emoji)
    return message


async def test_off_until_a_server_wants_it(open_scene: OpenScene, make_preset: Any) -> None:
    for message_content in (True, False):
        async with open_scene(make_preset(translate="m2m100"), message_content=message_content) as scene:
            if not message_content:  # reactions are heard, and messages come without their content
                await scene.bot.servers.change(scene.guild.id, reactions())
            await flagged(scene, GERMANY)
            assert posts(scene) == []
            assert not scene.env.errors


async def test_a_flag_translates_a_message_once(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
        message = await scene.bob.send(scene.channel, SPANISH)
        await scene.bot.servers.change(scene.guild.id, reactions())
        await scene.restart()  # the message is older than the bot
        await scene.alice.react(message, GERMANY)

        [post] = posts(scene)
        assert shown(post).startswith("**German** · Deutsch\n")
        assert "detected: Spanish" in post.embeds[0]["footer"]["text"]
        assert post.reference["message_id"] == str(message.id)
        assert [one["label"] for row in post.components for one in row["components"]] == ["Show the work"]
        sent = [one.json for one in scene.env.http_requests if one.method == "POST" and one.path.endswith("/messages")]
        assert [one["allowed_mentions"] for one in sent] == [{"parse": []}]

        await scene.bob.react(message, GERMANY)
        await scene.restart()
        await scene.alice.unreact(message, GERMANY)
        await scene.alice.react(message, GERMANY)
        assert posts(scene) == [post]  # once into each language, also after a restart
        await scene.alice.react(message, FRANCE)
        assert len(posts(scene)) == 2

        await scene.alice.react(message, "🐕")
        await scene.alice.react(message, "🇪🇺")
        opened = scene.press(scene.bob, post, "Show the work")
        await scene.env.settle()
        await scene.alice.react(await scene.bob.send(scene.channel, "https://example.com"), JAPAN)
        assert len(posts(scene)) == 3  # the opened work is the third
        assert opened.ephemeral
        assert not scene.env.errors


class TestWhatIsLeftAlone:
    async def test_messages_and_people(
        self, open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise OSError("secret")

        monkeypatch.setattr(translator, "PER_PERSON", 100)
        async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
            await scene.bot.servers.change(scene.guild.id, reactions())
            message = await flagged(scene, GERMANY)
            [post] = posts(scene)
            own = await scene.bot.get_channel(scene.channel.id).fetch_message(post.id)  # type: ignore[union-attr]
            await scene.alice.react(own, FRANCE)
            await scene.bot.opt_outs.set(scene.bob.id, ReadAlong.REACTIONS, True)
            await scene.alice.react(message, FRANCE)
            assert posts(scene) == [post]

            await scene.bot.opt_outs.set(scene.bob.id, ReadAlong.REACTIONS, False)
            with monkeypatch.context() as broken:
                broken.setattr(scene.bot.opt_outs, "among", fail)
                await scene.alice.react(message, JAPAN)
            with monkeypatch.context() as broken:
                broken.setattr(scene.bot.translations, "claim", fail)
                await scene.alice.react(message, ITALY)
            rule = Rule(feature=MessageFeature.REACTIONS, subject=Subject.MEMBER, id=scene.alice.id, allow=False)
            forbidden = AccessSettings(rules=(rule,))
            await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update={"access": forbidden}))
            await scene.alice.react(message, NORWAY)
            assert posts(scene) == [post]
            await scene.bob.react(message, NORWAY)
            assert len(posts(scene)) == 2
            quiet = scene.guild.create_text_channel(
                "quiet", overwrites={scene.bot.user: discord.PermissionOverwrite(send_messages=False)}
            )
            await scene.alice.react(await scene.bob.send(quiet, SPANISH), GERMANY)
            assert posts(scene, quiet) == []
            assert not scene.env.errors

    async def test_who_is_too_fast(
        self, open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(translator, "PER_PERSON", 1)
        monkeypatch.setattr(translator, "PER_CHANNEL", 2)
        async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
            await scene.bot.servers.change(scene.guild.id, reactions())
            message = await flagged(scene, GERMANY)
            await scene.alice.react(message, FRANCE)
            assert len(posts(scene)) == 1
            await scene.bob.react(message, FRANCE)
            carol = scene.guild.add_member(scene.env.create_user("carol"))
            await carol.react(message, JAPAN)
            assert len(posts(scene)) == 2


async def test_a_text_in_that_language_says_so_for_a_moment(
    open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translator, "NOTICE_SECONDS", 0.0)
    monkeypatch.setattr(deletions, "LOOK_SECONDS", 0.05)
    async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
        await scene.bot.servers.change(scene.guild.id, reactions())
        await flagged(scene, SPAIN)
        bodies = [one.json for one in scene.env.http_requests if isinstance(one.json, dict)]
        told = [body["content"] for body in bodies if body.get("content")]
        assert told[-1].startswith("Your text seems to be in Spanish already.")
        assert told[-1].endswith(str(translator.BOTH))
        await scene.until(lambda: not posts(scene))


async def test_a_translation_deletes_itself(
    open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "LOOK_SECONDS", 0.05)
    async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
        now = scene.store.translations._now
        await scene.bot.servers.change(scene.guild.id, reactions(delete_after=600))
        message = await flagged(scene, GERMANY)
        kept = await flagged(scene, FRANCE)
        assert len(posts(scene)) == 2
        await scene.bob.delete(kept)  # its translation goes with it
        await scene.until(lambda: len(posts(scene)) == 1)

        await scene.restart()
        monkeypatch.setattr(scene.store.translations, "_now", lambda: now() + 599)
        scene.env.inject_error("DELETE", "/channels/*/messages/*", status=503, times=None)
        assert len(posts(scene)) == 1
        monkeypatch.setattr(scene.store.translations, "_now", lambda: now() + 601)
        await scene.until(lambda: _deletions(scene) > 1)
        scene.env.backend.faults.clear()
        monkeypatch.setattr(scene.store.translations, "_now", lambda: now() + 700)
        await scene.until(lambda: not posts(scene))

        await scene.alice.unreact(message, GERMANY)
        await scene.alice.react(message, GERMANY)
        assert len(posts(scene)) == 1  # a flag translates it again


def _deletions(scene: Scene) -> int:
    return sum(one.method == "DELETE" and "/messages/" in one.path for one in scene.env.http_requests)


class TestSeveralLanguages:
    async def test_the_one_who_reacted_chooses(self, open_scene: OpenScene, make_preset: Any) -> None:
        async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
            await scene.bot.servers.change(scene.guild.id, reactions())
            await flagged(scene, GERMANY)  # loads the checkpoint, whose languages are known from then on
            message = await flagged(scene, SWITZERLAND)
            await scene.bob.react(message, SWITZERLAND)
            [_, post] = posts(scene)
            assert shown(post) == f"{SWITZERLAND} has several languages. <@{scene.alice.id}>, into which one?"
            [[menu]] = [row["components"] for row in post.components]
            assert menu["custom_id"] == f"glassbox-flag:{message.id}:{scene.alice.id}:CH"
            offered = [(one["label"], one["description"], one["value"]) for one in menu["options"]]
            assert offered == [("Deutsch", "German", "de"), ("français", "French", "fr"), ("italiano", "Italian", "it")]

            await scene.restart()
            asked = await scene.bot.get_channel(scene.channel.id).fetch_message(post.id)  # type: ignore[union-attr]
            other = await scene.bob.select(asked, ["de"], custom_id=menu["custom_id"])
            assert other.response.content == str(translator.NOT_YOURS)
            await scene.alice.select(asked, ["de"], custom_id=menu["custom_id"])
            assert shown(post).startswith("**German** · Deutsch\n")
            await scene.alice.react(message, GERMANY)
            assert [one for one in posts(scene) if not one.flags & 64][1:] == [post]

            message = await flagged(scene, SWITZERLAND, "¿Dónde está mi gato?")
            again = posts(scene)[-1]
            await scene.bob.react(message, GERMANY)
            asked = await scene.bot.get_channel(scene.channel.id).fetch_message(again.id)  # type: ignore[union-attr]
            same = await scene.alice.select(asked, ["de"], custom_id=f"glassbox-flag:{message.id}:{scene.alice.id}:CH")
            assert same.followups[0].content.startswith(
                "This message has been translated into German already: https://"
            )
            await scene.bot.servers.change(scene.guild.id, lambda now: ServerSettings())
            off = await scene.alice.select(asked, ["fr"], custom_id=f"glassbox-flag:{message.id}:{scene.alice.id}:CH")
            assert off.response.content == str(translator.OFF)
            assert again.components
