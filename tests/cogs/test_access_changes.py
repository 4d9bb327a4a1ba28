"""What a server sets counts when something is used, not when it was offered: rules, roles, private answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.batches.service import PRIVATE_NOW
from bot.flags import translator
from bot.replies.settings.reactions import PRIVATE
from bot.replies.sharing import KEPT_PRIVATE
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import EVERYTHING, AccessSettings, Rule, Subject
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.reactions import ReactionSettings
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.layouts import forge_press
from tests.cogs.mentioning import at
from tests.cogs.people import MODERATOR, add, forbid_history
from tests.cogs.test_batch import FILE, TWO, answered, choose, words
from tests.cogs.test_flags import GERMANY, SPANISH, SWITZERLAND, flagged, posts, reactions
from tests.cogs.test_settings import Page
from tests.support import with_extras

TEXT = "I love apples in Brooklyn."


async def set_topics(scene: Scene, **topics: Any) -> None:
    """The server sets something."""
    await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update=topics))


async def prohibit(scene: Scene, *features: str) -> None:
    """The server prohibits something to everybody."""
    rules = [Rule(feature=feature, subject=Subject.ROLE, id=scene.guild.id, allow=False) for feature in features]
    await set_topics(scene, access=AccessSettings(rules=tuple(rules)))


def said(scene: Scene, result: Any) -> str:
    """The sentence that only one person reads."""
    message = (result.followups or [result.response])[-1]
    assert message.ephemeral
    scene.env.errors.clear()
    return str(message.content)


def labels(message: Any) -> list[str]:
    return [one["label"] for row in message.components for one in row["components"] if "label" in one]


async def test_a_command_that_is_prohibited_after_its_buttons_were_posted(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        alice, channel = scene.alice, scene.channel
        felt = await alice.slash(channel, "sentiment", text=TEXT)
        opened = await alice.click(felt.response.message, label="Show the work")
        message = await scene.bob.send(channel, TEXT)
        private = await alice.context_menu(channel, "Sentiment", message)
        written = await alice.slash(channel, "generate", prompt="Once", max_new_tokens=4)
        looked = await alice.slash(channel, "attention", text=TEXT, checkpoint="sentiment")
        models = await alice.slash(channel, "models")
        spoken = await alice.slash(channel, "chat", message="Hello")
        guide = await alice.slash(channel, "help")

        await prohibit(scene, "sentiment", "generate", "attention", "models", "chat")
        before = len(channel.history())
        pressed = {
            "sentiment": [
                await alice.click(felt.response.message, label="Show the work"),
                await alice.click(opened.response.message, label="Next: Text"),
                await alice.click(private.response.message, label="Share"),
                await forge_press(scene, alice, guide.response, "glassbox-help-try:sentiment"),
                await alice.context_menu(channel, "Sentiment", message),
                await alice.context_menu(channel, "Show the work", message),
                await alice.slash(channel, "inspect", text=TEXT),
                await alice.slash(channel, "compare", text=TEXT, command="sentiment"),
            ],
            "generate": [await alice.click(written.response.message, label="Regenerate")],
            "attention": [await _choose_first(alice, looked.response)],
            "models": [await _choose_first(alice, models.response)],
            "chat": [await alice.click(spoken.response.message, label="New conversation")],
        }
        for command, results in pressed.items():
            for index, result in enumerate(results):
                assert f"/{command} is switched off here" in said(scene, result), (command, index)
        assert len([one for one in channel.history() if not one.flags.ephemeral]) <= before
        # Stop and what is one's own are never prohibited.
        assert (await alice.slash(channel, "privacy")).ephemeral
        # What another command shows of it, that one is not about.
        assert (await alice.slash(channel, "inspect", text=TEXT, command="zeroshot")).response.embeds


async def _choose_first(who: Any, message: Any) -> Any:
    """Choose the first option of the first menu."""
    menu = next(one for row in message.components for one in row["components"] if one.get("options"))
    return await who.select(message, [menu["options"][0]["value"]], custom_id=menu["custom_id"])


async def test_a_file_whose_command_is_prohibited_before_it_begins(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
        await prohibit(scene, "sentiment")
        refused = choose(scene, scene.alice, asked.response, "0")
        await scene.env.settle()
        assert "/sentiment is switched off here" in said(scene, refused)
        await prohibit(scene)
        choose(scene, scene.alice, asked.response, "0")
        await scene.until(lambda: scene.env.backend.get_message(scene.channel.id, asked.response.id).attachments)
        assert answered(scene, asked.response)


async def test_a_member_who_loses_a_role(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        students = scene.guild.create_role("Students")
        carol = add(scene, "carol", students)
        rules = (
            Rule(feature=EVERYTHING, subject=Subject.ROLE, id=scene.guild.id, allow=False),
            Rule(feature=EVERYTHING, subject=Subject.ROLE, id=students.id, allow=True),
        )
        await set_topics(scene, access=AccessSettings(rules=rules), reactions=ReactionSettings(translate=True))
        felt = await carol.slash(scene.channel, "sentiment", text=TEXT)
        assert felt.response.embeds
        opened = await carol.click(felt.response.message, label="Show the work")
        await carol.send(scene.channel, at(scene, "Hello"))
        heard = len(posts(scene))

        scene.env.backend.get_guild(scene.guild.id).members[carol.id].role_ids.clear()
        for result in (
            await carol.slash(scene.channel, "sentiment", text=TEXT),
            await carol.click(felt.response.message, label="Show the work"),
            await carol.click(opened.response.message, label="Next: Text"),
        ):
            assert "is switched off here for your roles, or for you." in said(scene, result)
        public = [one for one in posts(scene) if not one.flags & 64]
        await carol.send(scene.channel, at(scene, "Hello"))
        await carol.react(await scene.bob.send(scene.channel, SPANISH), GERMANY)
        assert [one for one in posts(scene) if not one.flags & 64] == public
        assert heard


async def test_a_moderator_who_loses_the_permission_with_the_page_open(open_scene: OpenScene) -> None:
    """And who gets it back: the very same page goes on."""
    async with open_scene() as scene:
        role = scene.guild.create_role("Moderators", permissions=MODERATOR)
        page = await Page(scene, add(scene, "mod", role)).open()
        await page.turn_to("answers")
        member = scene.env.backend.get_guild(scene.guild.id).members[page.moderator.id]
        member.role_ids.clear()
        shown = page.text()
        for pressed in (await page.click("answers:private::on"), await page.select("topic:topic::", "access")):
            assert "Manage Server" in said(scene, pressed)
        assert page.text() == shown
        assert await page.now() == ServerSettings()
        member.role_ids.append(role.id) if isinstance(member.role_ids, list) else member.role_ids.add(role.id)
        await page.click("answers:private::on")
        assert (await page.now()).answers.private


class TestPrivateAnswers:
    """They are switched on while public ones are there."""

    async def test_no_public_answer_changes_any_more(
        self, open_scene: OpenScene, course: Any, checkpoints: Mapping[str, Path]
    ) -> None:
        async with open_scene(with_extras(course, checkpoints["bert_sentiment"])) as scene:
            alice, channel = scene.alice, scene.channel
            inspected = await alice.slash(channel, "inspect", text=TEXT)
            looked = await alice.slash(channel, "attention", text=TEXT, checkpoint="sentiment")
            written = await alice.slash(channel, "generate", prompt="Once", max_new_tokens=4)
            menu = await alice.context_menu(channel, "Sentiment", await scene.bob.send(channel, TEXT))
            before = [(one.id, one.embeds) for one in posts(scene) if not one.flags & 64]

            await set_topics(scene, answers=AnswerSettings(private=True))
            for pressed in (
                await alice.click(inspected.response.message, label="Next: Text"),
                await _choose_first(alice, looked.response),
                await alice.click(written.response.message, label="Regenerate"),
                await alice.click(written.response.message, label="Show the work"),
            ):
                assert pressed.ephemeral
                assert pressed.response.embeds
            refused = await alice.click(menu.response.message, label="Share")
            assert said(scene, refused) == str(KEPT_PRIVATE)
            assert [(one.id, one.embeds) for one in posts(scene) if not one.flags & 64] == before

            await set_topics(scene, answers=AnswerSettings())
            await alice.click(menu.response.message, label="Share")
            assert len([one for one in posts(scene) if not one.flags & 64]) == len(before) + 1

    async def test_what_comes_of_a_private_answer_stays_private(self, open_scene: OpenScene) -> None:
        """Also after the server has allowed public ones again, and of an example that somebody tried for themselves."""
        async with open_scene() as scene:
            alice, channel = scene.alice, scene.channel
            await set_topics(scene, answers=AnswerSettings(private=True))
            kept = {
                "Regenerate": await alice.slash(channel, "generate", prompt="My secret", max_new_tokens=4),
                "New conversation": await alice.slash(channel, "chat", message="My secret"),
            }
            await set_topics(scene, answers=AnswerSettings())
            guide = await alice.slash(channel, "help")
            tried = await forge_press(scene, alice, guide.response, "glassbox-help-try:generate")
            for label, private in (*kept.items(), ("Regenerate", tried)):
                pressed = await alice.click(private.response.message, label=label)
                assert pressed.ephemeral
            assert not [one for one in posts(scene) if not one.flags & 64]
            assert not scene.env.errors

    async def test_a_file_goes_on_where_only_its_person_sees_it(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            asked = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
            assert not asked.ephemeral
            await set_topics(scene, answers=AnswerSettings(private=True))
            chosen = choose(scene, scene.alice, asked.response, "1")
            await scene.until(lambda: chosen.response is not None and chosen.response.attachments)
            assert chosen.ephemeral
            assert chosen.response.id != asked.response.id
            assert str(PRIVATE_NOW) in words(scene, asked.response)
            assert not scene.env.backend.get_message(scene.channel.id, asked.response.id).components
            assert answered(scene, chosen.response)

    async def test_flags_do_nothing_and_their_page_says_so(self, open_scene: OpenScene, make_preset: Any) -> None:
        preset = make_preset(sentiment="distilbert", translate="m2m100")
        async with open_scene(preset, message_content=True) as scene:
            await scene.bot.servers.change(scene.guild.id, reactions())
            await flagged(scene, GERMANY)
            message = await flagged(scene, SWITZERLAND)
            [translated, asked] = posts(scene)
            await set_topics(scene, answers=AnswerSettings(private=True))
            await flagged(scene, GERMANY, f"{SPANISH} {SPANISH}")
            menu = await scene.bot.get_channel(scene.channel.id).fetch_message(asked.id)  # type: ignore[union-attr]
            late = await scene.alice.select(menu, ["de"], custom_id=f"glassbox-flag:{message.id}:{scene.alice.id}:CH")
            assert said(scene, late) == str(translator.OFF)
            assert [one for one in posts(scene) if not one.flags & 64] == [translated, asked]

            role = scene.guild.create_role("Moderators", permissions=MODERATOR)
            page = await Page(scene, add(scene, "mod", role)).open()
            await page.turn_to("reactions")
            assert str(PRIVATE) in page.text()
            assert "flags under messages do nothing" in page.text()
            assert page.is_valid()
            await page.turn_to("answers")
            await page.click("answers:private::off")
            await page.turn_to("reactions")
            assert str(PRIVATE) not in page.text()
            assert "a flag under a message translates it" in page.text()
            await flagged(scene, GERMANY, f"{SPANISH} ¿Y mi gato?")
            assert len([one for one in posts(scene) if not one.flags & 64]) == 3


async def test_channels_that_somebody_may_not_see_have_no_names(open_scene: OpenScene, asked: list[Any]) -> None:
    """Discord shows them as ids to those who may not see them."""
    async with open_scene(message_content=True) as scene:
        staff = scene.guild.create_text_channel("plans-for-layoffs")
        role = scene.guild.create_role("cooks")
        await scene.alice.send(scene.channel, f"We meet in {staff.mention}, {scene.bob.mention} and {role.mention}.")
        message = await scene.bob.send(scene.channel, f"In {staff.mention}?")
        await scene.alice.slash(scene.channel, "summarize", messages=2)
        await scene.alice.context_menu(scene.channel, "Sentiment", message)
        await scene.alice.send(scene.channel, at(scene, f"What is {staff.mention}?"))
        texts = [asked[0].text, asked[1].text, asked[2].message]
        assert texts[0] == f"alice: We meet in {staff.mention}, @bob and @cooks.\nbob: In {staff.mention}?"
        assert all(staff.mention in one and "layoffs" not in one for one in texts)


class TestConversations:
    """Who may not read what was said in a channel is not told it by the model either."""

    async def test_in_a_server(self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 12)  # of four, none may be a word
        async with open_scene() as scene:
            carol = add(scene, "carol")
            forbid_history(scene, carol)
            await scene.alice.slash(scene.channel, "chat", message="The password is swordfish.")
            await carol.slash(scene.channel, "chat", message="Which password?")
            own = asked[-1]
            assert (own.message, own.history) == ("Which password?", ())
            await carol.send(scene.channel, at(scene, "Tell me."))
            assert (asked[-1].message, asked[-1].history) == ("Tell me.", ())
            # What she says is public, so it is part of the conversation for those who may read it.
            answer = await scene.bob.slash(scene.channel, "chat", message="No!")
            assert [one.message for one in asked[-1].history] == [
                "The password is swordfish.", "Which password?", "Tell me.",
            ]  # fmt: skip
            closed = await carol.click(answer.response.message, label="Show the work")
            assert "you may not read them" in said(scene, closed)
            opened = await scene.alice.click(answer.response.message, label="Show the work")
            assert opened.response.embeds

    async def test_in_a_server_that_has_not_added_the_bot(
        self, open_scene: OpenScene, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By people who have installed it to their accounts; Discord says what they may there."""
        monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 12)  # of four, none may be a word
        reader, external = 1 << 10 | 1 << 11 | 1 << 16, 1 << 50
        async with open_scene() as scene:
            monkeypatch.setattr(scene.bot, "get_guild", lambda guild: None)
            for permissions, history in (
                (reader | external, []),
                (reader | external, ["One"]),
                (external | 1 << 10, []),  # may not read what was there before
                (reader, []),  # Discord shows the answers to nobody else, so they have a conversation of their own
            ):
                message = ("One", "Two", "Three", "Four")[len(asked)]
                await _ask_abroad(scene, permissions, message)
                assert [one.message for one in asked[-1].history] == history
                assert asked[-1].message == message


async def _ask_abroad(scene: Scene, permissions: int, message: str) -> None:
    """Alice, who has installed the bot to her account, uses /chat in a server that has not added it."""
    _, payload = scene._interaction(scene.alice, scene.channel.id, scene.guild.id, "chat", {"message": message})
    payload["member"]["permissions"] = str(permissions)
    payload |= {"authorizing_integration_owners": {"1": str(scene.alice.id)}, "app_permissions": "0"}
    scene.env.backend.emit("INTERACTION_CREATE", payload)
    await scene.env.settle()
