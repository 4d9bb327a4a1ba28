"""`/language`, and which language people are written to in, wherever they use the bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.locales.command_tree import CommandTranslator
from bot.locales.current import current_locale
from bot.replies.acknowledgement import respond_with
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.reactions import ReactionSettings
from tests.cogs.conftest import STRING_MENU, OpenScene, Scene
from tests.cogs.forum import ALWAYS, Forum
from tests.cogs.test_privacy import erase
from tests.locales.languages import offering

MENU = "glassbox-language"
SLASH = 1


@pytest.fixture(autouse=True)
def _languages(tmp_path: Path) -> Iterator[None]:
    with offering(tmp_path / "locales", "de", "pt_BR"):
        yield


def page_of(scene: Scene, message: Any) -> list[dict[str, Any]]:
    """Return the paragraphs and rows of the page as it is now."""
    [container] = scene.env.backend.get_message(message.channel_id, message.id).components
    inner: list[dict[str, Any]] = container["components"]
    return inner


def options(scene: Scene, message: Any) -> dict[str, bool]:
    """Return the languages of the page, and which of them is chosen."""
    [menu] = page_of(scene, message)[1]["components"]
    return {option["label"]: option.get("default", False) for option in menu["options"]}


def shown(scene: Scene, message: Any) -> str:
    return str(page_of(scene, message)[0]["content"])


async def use(scene: Scene, who: Any, command: str, /, locale: str = "en-US", **values: Any) -> Any:
    """Somebody whose Discord is in a language sends a command."""
    data = scene.slash_data(who, scene.channel.id, command, values)
    channel = scene.env.backend.get_channel(scene.channel.id)
    result = scene.send(who, channel, data, locale=locale)
    await scene.env.settle()
    return result


async def choose(scene: Scene, who: Any, message: Any, chosen: str, locale: str = "de") -> Any:
    """Somebody whose Discord is in a language chooses one of the page."""
    data = {"custom_id": MENU, "component_type": STRING_MENU, "values": [chosen]}
    result = scene.use_component(who, message, data, locale=locale)
    await scene.env.settle()
    return result


async def test_a_choice_holds_before_discords_language_and_until_it_is_taken_back(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await use(scene, scene.alice, "language", locale="de")
        assert page.ephemeral
        assert shown(scene, page.response).startswith("## ⟦Language: Deutsch⟧\n⟦I write to you")
        assert options(scene, page.response) == {
            "⟦As Discord says: Deutsch⟧": True,
            "English": False,
            "Deutsch": False,
            "Português (Brasil)": False,
        }
        await choose(scene, scene.alice, page.response, "pt_BR")
        assert shown(scene, page.response).startswith("## ⟦Language: Português (Brasil)⟧")
        assert options(scene, page.response)["Português (Brasil)"]
        await choose(scene, scene.alice, page.response, "en")
        again = await use(scene, scene.alice, "language", locale="de")
        assert shown(scene, again.response).startswith("## Language: English\nI write")
        await choose(scene, scene.alice, again.response, "discord")
        last = await use(scene, scene.alice, "language", locale="de")
        assert shown(scene, last.response).startswith("## ⟦Language: Deutsch⟧")
        assert not await scene.store.database.rows(text("SELECT * FROM own_languages"))


async def test_a_choice_outlives_a_restart_and_needs_no_read_before_the_answer(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.bot.own_languages.choose(scene.alice.id, "de")
        await scene.restart()
        assert scene.bot.own_languages.of(scene.alice.id) == "de"
        page = await use(scene, scene.alice, "language")
        assert shown(scene, page.response).startswith("## ⟦Language: Deutsch⟧")


async def test_another_process_hears_of_a_choice(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.store.own_languages.choose(scene.alice.id, "de")  # as another process does
        first = await use(scene, scene.alice, "language")
        assert shown(scene, first.response).startswith("## Language: English")  # nobody waits for the database
        second = await use(scene, scene.alice, "language")
        assert shown(scene, second.response).startswith("## ⟦Language: Deutsch⟧")


async def test_a_database_that_fails_costs_the_choice_only(
    open_scene: OpenScene, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_scene() as scene:
        await scene.store.database.run(text("DROP TABLE own_languages"))
        page = await use(scene, scene.alice, "language", locale="de")
        assert shown(scene, page.response).startswith("## ⟦Language: Deutsch⟧")
        refused = await choose(scene, scene.alice, page.response, "pt_BR")
        [told] = refused.followups
        assert told.content.startswith("⟦I could not save that")
        assert options(scene, page.response)["⟦As Discord says: Deutsch⟧"]
        assert "chosen cannot be read" in caplog.text
        scene.env.errors.clear()


async def test_a_forged_choice_is_none(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await use(scene, scene.alice, "language")
        await choose(scene, scene.alice, page.response, "xx")
        assert not await scene.store.database.rows(text("SELECT * FROM own_languages"))


async def test_a_deletion_forgets_the_choice_at_once(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.bot.own_languages.choose(scene.alice.id, "de")
        page = await scene.alice.slash(scene.channel, "privacy")
        await erase(scene, scene.alice, page.response, sure=True)
        page = await use(scene, scene.alice, "language")
        assert shown(scene, page.response).startswith("## Language: English")


async def test_the_tree_is_registered_in_all_languages(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        everything = list(scene.env.backend.commands[None].values())
        for command in everything:
            if command["type"] == SLASH:
                assert command["description_localizations"].keys() == {"de", "pt-BR"}
                assert command["description_localizations"]["de"].startswith("⟦")
                assert all(one["description_localizations"]["de"] for one in command["options"])
            else:
                assert command["name_localizations"]["de"] == f"de{command['name']}⟧"


async def test_the_digest_knows_the_translations(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_english(*arguments: object) -> None:
        return None

    async with open_scene() as scene:
        assert await scene.bot.sync_if_changed()
        assert not await scene.bot.sync_if_changed()
        monkeypatch.setattr(CommandTranslator, "translate", in_english)
        assert await scene.bot.sync_if_changed()


@pytest.mark.parametrize(
    ("own", "locale", "server", "expected"),
    [
        (None, "en-US", "de", "en"),
        (None, "ko", "de", "de"),
        (None, "ko", None, "en"),
        ("pt_BR", "de", "de", "pt_BR"),
        (None, "de", None, "de"),
    ],
)
async def test_the_order_of_languages(
    open_scene: OpenScene,
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    locale: str,
    server: str | None,
    expected: str,
) -> None:
    async with open_scene() as scene:
        seen = []

        async def look(interaction: Any, view: Any) -> None:
            seen.append(current_locale())
            await respond_with(interaction, view)

        monkeypatch.setattr("cogs.language.respond_with", look)
        if own is not None:
            await scene.bot.own_languages.choose(scene.alice.id, own)
        await scene.bot.servers.change(
            scene.guild.id, lambda now: now.model_copy(update={"answers": AnswerSettings(language=server)})
        )
        await use(scene, scene.alice, "language", locale=locale)
        assert seen == [expected]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The locales in which what has no interaction was answered, in order."""
    seen: list[str] = []

    async def look(*arguments: object) -> None:
        seen.append(current_locale())

    monkeypatch.setattr("cogs.mentions.Mentions._answer", look)
    monkeypatch.setattr("bot.flags.translator.FlagTranslator._once", look)
    monkeypatch.setattr("bot.forums.tagger.Tagger._give_tags", look)
    return seen


async def test_messages_flags_and_posts_have_the_language_of_the_server_or_the_author(
    open_scene: OpenScene, make_preset: Any, heard: list[str]
) -> None:
    async with open_scene(make_preset(translate="m2m100", zeroshot="bart_mnli"), message_content=True) as scene:
        await scene.bot.servers.change(
            scene.guild.id,
            lambda now: now.model_copy(
                update={"answers": AnswerSettings(language="de"), "reactions": ReactionSettings(translate=True)}
            ),
        )
        await scene.bob.send_dm("Hello")
        message = await scene.bob.send(scene.channel, f"<@{scene.bot.user.id}> Hello")
        await scene.alice.react(message, "🇫🇷")
        await scene.bot.own_languages.choose(scene.bob.id, "pt_BR")
        await scene.bob.send(scene.channel, f"<@{scene.bot.user.id}> Hello")
        await scene.bob.send_dm("Hello")
        assert heard == ["en", "de", "de", "pt_BR", "pt_BR"]
        forum = await Forum.open(scene)
        heard.clear()
        await forum.set(bug=ALWAYS)
        await forum.post(scene.alice, "A question", "Who knows?")
        assert heard == ["de"]
