"""The menus of messages: private answers about somebody's message, which may be shared."""

from __future__ import annotations

from typing import Any

import pytest
import simcord
from simcord.backend import serializers
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.errors import InvalidRequest
from bot.replies import sharing
from bot.replies.components.genuine import PRIVATE
from bot.replies.message_text import NO_TEXT
from bot.servers.topics.answers import AnswerSettings
from tests.cogs.conftest import GROUP_CHANNEL, OpenScene, Scene

TEXT = "I love to hate this course in Brooklyn."
SPANISH = "¿Alguien sabe dónde está mi perro?"
PRIVATE_MENUS = ["Sentiment", "Summarise", "Entities", "Show the work"]
SEND_MESSAGES = 1 << 11
MANAGED = 1 << 10 | SEND_MESSAGES | 1 << 14  # View Channel, Send Messages, Embed Links
EXTERNAL_APPS = 1 << 50


async def use(scene: Scene, who: Any, name: str, message: Any, **payload: Any) -> simcord.InteractionResult:
    """Somebody uses a menu of a message in any channel, with other fields of the interaction than simcord's."""
    backend = scene.env.backend
    stored = backend.get_message(
        message.channel_id if hasattr(message, "channel_id") else message.channel.id, message.id
    )
    channel = backend.get_channel(stored.channel_id)
    result = scene.send(who, channel, scene.menu_data(name, stored), **payload)
    await scene.env.settle()
    return result


def labels(result: Any) -> list[str]:
    return [one["label"] for row in result.response.components for one in row["components"] if "label" in one]


def told(result: Any) -> str:
    """Return the sentence that only one person reads, at once or after a deferral."""
    [message] = result.followups or [result.response]
    assert message.ephemeral if result.followups else result.ephemeral
    return str(message.content)


def posts(scene: Scene, channel: Any) -> list[Any]:
    """Return the bot's public messages in a channel."""
    messages = scene.env.backend.messages[channel.id].values()
    return [one for one in messages if one.author_id == scene.env.backend.bot_user.id and not one.flags & 64]


@pytest.mark.parametrize("name", PRIVATE_MENUS)
async def test_a_menu_answers_privately_and_is_shared_once_after_a_restart(open_scene: OpenScene, name: str) -> None:
    async with open_scene() as scene:
        message = await scene.bob.send(scene.channel, TEXT)
        result = await scene.alice.context_menu(scene.channel, name, message)

        assert result.ephemeral
        assert posts(scene, scene.channel) == []
        [embed] = result.response.embeds
        assert "Share" in labels(result)
        if name == "Show the work":
            shown = (embed.title, embed.author.name)
            assert shown == ("0. The way of the request", f"/sentiment {TEXT}")
            await scene.alice.click(result.response.message, label="Next: Text")
            [embed] = result.response.embeds
            assert embed.title == "1. Text"

        scene.env.backend.get_message(scene.channel.id, result.response.id).interaction_metadata[
            "target_message_id"
        ] = str(message.id)  # Discord says which message it was, and simcord does not
        await scene.restart()
        buttons = labels(result)
        pressed = [scene.press(scene.alice, result.response, "Share") for _ in range(2)]
        await scene.env.settle()

        [post] = posts(scene, scene.channel)
        place = f"{scene.guild.id}/{scene.channel.id}/{message.id}"
        assert post.content == f"-# Shared by <@{scene.alice.id}> · about https://discord.com/channels/{place}"
        assert post.embeds[0].get("title") == embed.title
        assert post.embeds[0].get("description") == embed.description
        shared = [one["label"] for row in post.components for one in row["components"] if "label" in one]
        assert shared == [one for one in buttons if one != "Share"] == labels(result)
        assert all(one.acknowledged for one in pressed)
        assert not scene.env.errors


async def test_what_a_shared_answer_offers_still_works(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await scene.bob.send(scene.channel, TEXT)
        result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
        await scene.alice.click(result.response.message, label="Share")
        [post] = posts(scene, scene.channel)

        opened = scene.press(scene.bob, post, "Show the work")
        await scene.env.settle()

        assert opened.ephemeral
        assert opened.response.embeds[0].title == "0. The way of the request"


async def test_translate_takes_the_language_of_the_one_who_asks(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        message = await scene.bob.send(scene.channel, SPANISH)
        same = await use(scene, scene.alice, "Translate", message, locale="es-ES")
        assert told(same).startswith("Tu texto parece estar ya en español.")
        assert told(same).endswith("`/translate` admite cualquiera.")

        message = await scene.bob.send(scene.channel, f"<@{scene.bob.id}> {SPANISH}")
        result = await use(scene, scene.alice, "Translate", message, locale="de")
        assert result.ephemeral
        [embed] = result.response.embeds
        assert embed.description.startswith(f"**Spanisch** · español\n> @bob {SPANISH}\n\n**Deutsch**\n")
        assert labels(result) == ["Teilen", "Rechenweg zeigen"]

        unsure = await use(
            scene, scene.alice, "Translate", await scene.bob.send(scene.channel, "no lo se"), locale="de"
        )
        assert "Aus: Spanisch" in labels(unsure)
        await scene.alice.click(unsure.response.message, label="Aus: Spanisch")
        # simcord's buttons are pressed by people whose Discord is English.
        assert unsure.response.embeds[0].description.startswith("**Spanish**")
        assert labels(unsure) == ["Share", "Show the work"]
        assert posts(scene, scene.channel) == []  # a correction stays private
        assert len(scene.env.errors) == 1


class TestTexts:
    async def test_files_embeds_and_forwarded_messages(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            other = scene.guild.create_text_channel("other")
            attached = await scene.bob.send(scene.channel, "Read this:", attachments=[("a.txt", TEXT.encode())])
            forwarded = await scene.bob.forward(await scene.bob.send(other, TEXT), scene.channel)
            for message, text in ((attached, f"Read this:\n> {TEXT}"), (forwarded, TEXT)):
                result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
                assert result.ephemeral
                assert result.response.embeds[0].description.startswith(f"> {text}\n")

            answer = await scene.alice.slash(scene.channel, "sentiment", text=TEXT)
            result = await scene.alice.context_menu(scene.channel, "Summarise", answer.response.message)
            assert result.response.embeds[0].description.startswith("> ")

    async def test_messages_without_a_usable_text(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            sentences = {
                str(NO_TEXT): [("a.png", b"\x89PNG")],
                "The file isn't plain UTF-8 text.": [("a.txt", "ä".encode("utf-16"))],
                "This message has 2 text files of 120,000 bytes": [("a.txt", b"a" * 60_000), ("b.txt", b"a" * 60_000)],
                "This message has 4,001 characters, embeds and files included": [("a.txt", b"a" * 4_001)],
            }
            for sentence, files in sentences.items():
                message = await scene.bob.send(scene.channel, attachments=files)
                result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
                assert told(result).startswith(sentence)
            assert posts(scene, scene.channel) == []
            assert {type(one) for one in map(_cause, scene.env.errors)} <= {InvalidRequest}
            scene.env.errors.clear()


class TestSharing:
    async def test_who_may_not_share(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await scene.bob.send(scene.channel, TEXT)

            async def offered(**payload: Any) -> bool:
                return "Share" in labels(await use(scene, scene.alice, "Sentiment", message, **payload))

            member = {**_member(scene), "permissions": str(1 << 10)}
            account = {"authorizing_integration_owners": {"1": str(scene.alice.id)}, "app_permissions": "0"}
            foreign = {**_member(scene), "permissions": str(MANAGED)}
            at_home = {"authorizing_integration_owners": {"0": str(scene.guild.id)}}
            assert await offered(**at_home)
            assert not await offered(**at_home, member=member)
            assert not await offered(**at_home, app_permissions=str(1 << 10))
            assert not await offered(**account, member=foreign)
            assert await offered(**account, member={**foreign, "permissions": str(MANAGED | EXTERNAL_APPS)})
            await scene.bot.servers.change(
                scene.guild.id, lambda now: now.model_copy(update={"answers": AnswerSettings(private=True)})
            )
            assert not await offered(**at_home)

    async def test_permissions_count_at_the_press(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await scene.bob.send(scene.channel, TEXT)
            result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
            denied = Overwrite(target_id=scene.alice.id, type=OverwriteType.MEMBER, allow=0, deny=SEND_MESSAGES)
            scene.env.backend.get_channel(scene.channel.id).overwrites.append(denied)

            pressed = await scene.alice.click(result.response.message, label="Share")

            assert str(sharing.MAY_NOT_SPEAK) in told(pressed)
            assert posts(scene, scene.channel) == []
            assert "Share" in labels(result)

    async def test_another_person_cannot_share_it(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await scene.bob.send(scene.channel, TEXT)
            result = await scene.alice.context_menu(scene.channel, "Sentiment", message)

            pressed = scene.press(scene.bob, result.response, "Share")
            await scene.env.settle()

            assert told(pressed) == str(PRIVATE)
            assert posts(scene, scene.channel) == []

    async def test_a_post_that_discord_refuses_can_be_tried_again(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await scene.bob.send(scene.channel, TEXT)
            result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
            scene.env.inject_error("POST", "/webhooks/*", status=400, code=50035)
            await scene.alice.click(result.response.message, label="Share")
            assert "Share" in labels(result)
            scene.env.errors.clear()

            await scene.alice.click(result.response.message, label="Share")

            assert len(posts(scene, scene.channel)) == 1
            assert "Share" not in labels(result)


class TestElsewhere:
    async def test_in_a_direct_message_it_is_an_ordinary_answer(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            message = await scene.alice.send_dm(TEXT)
            result = await use(scene, scene.alice, "Sentiment", message)

            assert not result.ephemeral
            assert labels(result) == ["Show the work"]

    async def test_in_a_group_channel(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            group = scene.env.backend.create_channel(None, "friends", type=GROUP_CHANNEL)
            group.recipient_ids = [scene.alice.id, scene.bob.id]
            message = scene.env.backend.create_message(group.id, scene.bob.id, TEXT)
            result = await use(scene, scene.alice, "Sentiment", message)
            assert result.ephemeral

            scene.press(scene.alice, result.response, "Share")
            await scene.env.settle()

            # Others answer what is written in simcord's groups, which no bot hears of in Discord's.
            shared = [
                post for post in posts(scene, group) if post.content.startswith(f"-# Shared by <@{scene.alice.id}>")
            ]
            assert len(shared) == 1
            assert not scene.env.errors


def _cause(error: Any) -> Any:
    return getattr(error, "original", None) or error.__cause__ or error


def _member(scene: Scene) -> dict[str, Any]:
    backend = scene.env.backend
    guild = backend.get_guild(scene.guild.id)
    return dict(serializers.member_payload(backend, guild, guild.members[scene.alice.id]))
