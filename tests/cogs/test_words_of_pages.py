"""All that `/settings`, `/privacy`, `/help`, `/status` and `/guess` say is translated (see `tests.locales.erased`)."""

from __future__ import annotations

import asyncio
import gettext
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import discord
import pytest
import regex
from simcord.components import walk_components

from bot.inference.status import Phase
from bot.locales import command_tree, message
from bot.locales.conventions import conventions
from bot.locales.current import written_in
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.status.components import Page
from bot.operating.watch import Watch
from bot.replies import guessing
from bot.replies.settings.pages import PAGES
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import EVERYTHING, Rule, Subject
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.chat import ChatSettings
from bot.servers.topics.forums import ForumMode, ForumSettings, ForumTagSettings
from bot.servers.topics.quotas import DAY, Quota, QuotaSettings
from bot.servers.topics.reactions import ReactionSettings
from bot.storage.maintenance import Notice
from bot.tasks.guess import GuessRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.locales.erased import WORDS, erased
from tests.locales.pseudo import Marking

OURS = regex.compile(
    r"`[^`]*`|<[^>]*>|https?://\S+|(?<!\w)/[\w-]+(?: (?:setup|dry-run|report))?|\btiny-[^\s,;(]+|\d [kMG]?B\b"
    r"|\d (?:ms|s|%|seconds?|minutes?|hours?|days?)(?!\w)"
)
"""What is not ours to translate: code, mentions, times, addresses, commands, checkpoints; units, which Babel has."""
SPOKEN = ("content", "label", "placeholder", "description", "title")


def spoken(components: Any) -> Iterator[str]:
    """Yield everything that people read in components, but languages to choose from."""
    for one in walk_components(components):
        yield from (str(one[key]) for key in SPOKEN if one.get(key))
        if one.get("custom_id") != "glassbox-settings:answers:language::":
            yield from (str(option[key]) for option in one.get("options", ()) for key in SPOKEN if option.get(key))


def foreign(texts: Any, *, but: frozenset[str] = frozenset()) -> set[str]:
    """Return the words that are not translated, but for names."""
    return {word for text in texts for word in WORDS.findall(OURS.sub(" ", text))} - but


async def moderator_in(scene: Scene) -> Any:
    permissions = discord.Permissions(manage_guild=True, view_channel=True, send_messages=True)
    role = scene.guild.create_role("Moderators", permissions=permissions)
    return scene.guild.add_member(scene.env.create_user("mod"), roles=[role])


def changed(scene: Scene, role: Any) -> ServerSettings:
    """Settings in which everything differs from the defaults."""
    guild, channel = scene.guild.id, scene.channel.id
    rules = (
        (EVERYTHING, Subject.PLACE, guild, False),
        ("chat", Subject.MEMBER, role.id, True),
        ("sentiment", Subject.ROLE, guild, False),
    )
    return ServerSettings(
        answers=AnswerSettings(private=True, language="fr"),
        quotas=QuotaSettings(everybody=Quota(answers=7, seconds=12), roles={role.id: Quota(answers=1, seconds=DAY)}),
        chat=ChatSettings(mentions=False, threads=True, other_bots=True, channel_prompts={channel: "ab"}),
        reactions=ReactionSettings(translate=True, delete_after=61),
        forum_tags=ForumTagSettings(forums={channel: ForumSettings(mode=ForumMode.APPLY)}),
    ).model_copy(
        update={
            "access": ServerSettings().access.model_copy(
                update={"rules": tuple(Rule(feature=a, subject=b, id=c, allow=d) for a, b, c, d in rules)}
            )
        }
    )


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize("message_content", [False, True])
async def test_settings(open_scene: OpenScene, make_preset: Any, is_changed: bool, message_content: bool) -> None:
    preset = make_preset(sentiment="distilbert", translate="t5")
    async with open_scene(preset, message_content=message_content) as scene:
        moderator = await moderator_in(scene)
        if is_changed:
            new = changed(scene, scene.guild.create_role("Students"))
            await scene.bot.servers.change(scene.guild.id, lambda now: new)
        with erased():
            page = (await moderator.slash(scene.channel, "settings")).response
            names = frozenset({"English", "French", "français"})  # Babel names languages
            for topic in PAGES:
                shown = await moderator.select(page, [topic.name], custom_id="glassbox-settings:topic:topic::")
                stored = scene.env.backend.get_message(page.channel_id, page.id)
                assert shown.acknowledged
                assert foreign(spoken(stored.components), but=names) == set(), topic.name
            await moderator.select(page, ["chat"], custom_id="glassbox-settings:topic:topic::")
            asked = await moderator.click(page, custom_id="glassbox-settings:chat:prompt::")
            assert foreign([asked.modal["title"], *spoken(asked.modal["components"])], but=frozenset({"ab"})) == set()


async def test_help(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        with erased():
            page = (await scene.alice.slash(scene.channel, "help")).response
            assert foreign(spoken(page.components), but=frozenset({"and"})) == set()  # Babel joins lists
            for name in ("sentiment", "batch"):
                chosen = await scene.alice.select(page, [name], custom_id="glassbox-help-menu:0")
                assert foreign(spoken(chosen.response.components)) == set()


class Spanish(gettext.NullTranslations):
    """Names of a command and an option."""

    def pgettext(self, context: str, message: str) -> str:
        names = {("command name", "sentiment"): "sentimiento", ("option name", "text"): "texto"}
        return names.get((context, message), message)


async def test_an_example_has_the_names_that_discord_shows(open_scene: OpenScene) -> None:
    """And its button works, whose values go to parameters with English names."""
    async with open_scene() as scene:
        with patch.object(command_tree, "catalogue", lambda locale: Spanish()):
            page = (await scene.alice.slash(scene.channel, "help", command="sentiment")).response
            said = "\n".join(spoken(page.components))
            tried = await scene.alice.click(page, custom_id="glassbox-help-try:sentiment")
        assert "`/sentimiento texto:I love to hate this course`" in said
        assert "- `texto` " in said
        assert "I love to hate this course" in str(tried.response.embeds[0].description)


async def test_privacy(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
        with erased():
            page = (await scene.alice.slash(scene.channel, "privacy")).response
            said = list(spoken(page.components))
            assert foreign(said) == set()
            asked = await scene.alice.click(page, custom_id="glassbox-privacy-ask-to-erase")
            assert foreign([asked.modal["title"], *spoken(asked.modal["components"])]) == set()
            done = await scene.alice.submit_modal(asked, {"sure": True, "choices": True})
            assert foreign(spoken(done.response.components)) == set()


async def test_status(open_scene: OpenScene) -> None:
    async with open_scene(watch=Watch(Pseudonyms(bytes(32)))) as scene:
        scene.bot.owner_ids = {scene.bob.id}
        await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
        await scene.until(lambda: scene.worker.status().models["sentiment"].phase is Phase.READY)
        await scene.bot.maintenance.begin(Notice("", None))
        with erased():
            for page in Page:
                result = await scene.bob.user.slash("status", page=page.value)
                [embed] = result.response.embeds
                said = [embed.title, embed.footer.text, *spoken(result.response.components)]
                if page is not Page.CHECKPOINTS:  # its states are of /models
                    said.append(embed.description)
                said += [field.name for field in embed.fields]
                said += [field.value for field in embed.fields if "torch" not in str(field.value)]  # versions
                process, precision = scene.bot.roll_call.process, "float"
                said = [str(one).replace(process, "") for one in said if one]
                assert foreign(said, but=frozenset({precision})) == set(), page


class Elsewhere(Marking):
    """Translations into a language in which each message is marked differently."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"


def of_locale(locale: str) -> gettext.NullTranslations:
    return Elsewhere() if locale == "fr" else gettext.NullTranslations()


async def test_guesses_are_counted_in_the_language_of_the_question(open_scene: OpenScene) -> None:
    """Whoever guesses may read another one than whoever has asked, and many people read the question."""
    async with open_scene() as scene:
        await asyncio.to_thread(conventions, "fr")  # as a bot with this language does when it starts
        result = await scene.alice.slash(scene.channel, "guess", text="I love apples", command="sentiment")
        custom_id = result.response.components[0]["components"][0]["custom_id"]
        request = await scene.store.find(custom_id.rsplit(":", 1)[-1])
        assert isinstance(request, GuessRequest)
        with (
            patch.object(message, "catalogue", of_locale),
            patch.object(guessing, "offered", lambda: ("en", "fr")),
        ):
            english = discord.Embed(description=f"> {guessing.HOW}\n\n{guessing.HOW}")
            with written_in("fr"):
                french = discord.Embed(description=f"> apples\n\n{guessing.HOW}")
                once = guessing.counted(english, request, {0: 1})
                twice = guessing.counted(once, request, {0: 2})
            assert twice.description == f"{english.description}\n*{guessing.tally(request, {0: 2})}*"
            assert "«" not in twice.description
            shown = guessing.counted(guessing.counted(french, request, {0: 1}), request, {0: 2})
            assert str(shown.description).startswith(f"{french.description}\n*«")
            assert str(shown.description).count("«") == 2
