"""A process dies in the middle of an answer, and another one goes on: nothing is “thinking…” for ever.

What is asked about answers that were complete before is in the files of their commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import simcord
from sqlalchemy import text

from bot.errors import AlreadyEnded
from bot.replies import pending, sharing
from bot.replies.channels import survey
from bot.servers.topics.access import AccessSettings, Rule, Subject
from bot.servers.topics.quotas import Quota, QuotaSettings
from cogs.forum_tags import NO_POSTS
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import Forum
from tests.cogs.layouts import forge_press, texts
from tests.cogs.mentioning import at, labels, say
from tests.cogs.pacing import held_after
from tests.cogs.people import add, forbid_history, send
from tests.cogs.test_batch import choose
from tests.cogs.test_compare import TEXT, fetched
from tests.cogs.test_flags import GERMANY, SWITZERLAND, flagged, posts, reactions, shown
from tests.cogs.test_mood import LABELS, write
from tests.cogs.test_settings import Page
from tests.support import device_held, with_extras
from tests.timers import PATIENCE


async def die(scene: Scene) -> None:
    """The process is killed. What it was answering is kept, and nobody gives a sign of life any more."""
    tasks = list(scene.bot.pending_interactions._tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await scene.store.database.run(text("UPDATE unanswered SET process = 'dead'"))


async def take_over(scene: Scene) -> None:
    """Another process begins, and finds what the dead one has left."""
    await scene.restart()
    await look(scene)


async def look(scene: Scene) -> None:
    """This process answers what is there."""
    await scene.bot.takeover.look()
    assert await scene.bot.pending_interactions.answered(PATIENCE)
    await scene.env.settle()


def embed_of(result: Any) -> Any:
    assert not result.followups, [one.content for one in result.followups]
    [embed] = result.response.embeds
    return embed


@pytest.mark.parametrize("command", ["mood", "topics"])
async def test_a_survey_that_reads(open_scene: OpenScene, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"labels": LABELS} if command == "topics" else {}
    async with open_scene(message_content=True) as scene:
        write(scene, 40)
        result = await abandoned_survey(scene, monkeypatch, command, **options)
        await take_over(scene)
        assert embed_of(result).title.endswith("#general")
        assert not result.ephemeral
        assert not result.response.components
        # The next one is not refused as if the first were still in the making.
        assert embed_of(await scene.alice.slash(scene.channel, command, **options))


async def test_a_survey_that_judges_and_its_button(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(survey, "EVERY_SECONDS", 0.01)
    async with open_scene(message_content=True) as scene:
        write(scene, 40)
        await scene.worker.load_checkpoint("sentiment")
        async with device_held(scene.worker):
            result = scene.invoke(scene.alice, "mood")
            await scene.until(lambda: result.response is not None and result.response.components)
            await die(scene)
        await scene.restart()
        late = await scene.alice.click(result.response.message, label="Stop")
        assert late.ephemeral
        assert late.response.content == AlreadyEnded().sentence
        scene.env.errors.clear()
        await look(scene)
        assert embed_of(result).title == "Mood of #general"
        assert not result.response.components


async def test_a_survey_of_another_channel_stays_private(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_scene(message_content=True) as scene:
        staff = scene.guild.create_text_channel("staff")
        write(scene, 40, channel=staff)
        result = await abandoned_survey(scene, monkeypatch, channel=staff)
        await take_over(scene)
        assert result.ephemeral
        assert embed_of(result).title == "Mood of #staff"


async def test_a_survey_that_is_prohibited_meanwhile(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene(message_content=True) as scene:
        write(scene, 40)
        result = await abandoned_survey(scene, monkeypatch)
        rule = Rule(feature="mood", subject=Subject.PLACE, id=scene.guild.id, allow=False)
        rules = AccessSettings(rules=(rule,))
        await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update={"access": rules}))
        await take_over(scene)
        assert result.response is None  # the public “thinking…” is gone
        [told] = result.followups
        assert told.ephemeral
        assert "/mood is switched off here for this channel." in told.content
        scene.env.errors.clear()


async def abandoned_survey(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, command: str = "mood", **options: Any
) -> simcord.InteractionResult:
    """Alice asks for a picture, and the process dies while it reads."""
    reads = asyncio.Event()

    async def read_for_ever(*_: Any) -> None:
        reads.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(survey, "read_messages", read_for_ever)
        result = scene.invoke(scene.alice, command, **options)
        await reads.wait()
        assert result.deferred
        await die(scene)
    return result


COMMANDS: Mapping[str, Mapping[str, Any]] = {
    "summarize": {"messages": 4},
    "compare": {"text": TEXT, "command": "sentiment"},
    "chat": {"message": "Hello!"},
    "generate": {"prompt": "Once", "max_new_tokens": 4},
    "inspect": {"text": TEXT},
}
"""Of each kind of answer one: of messages, of several checkpoints, in turns, as it is written, of several pages."""


@pytest.mark.parametrize("name", COMMANDS)
async def test_an_answer_in_the_making(
    open_scene: OpenScene, course: Any, checkpoints: Mapping[str, Path], name: str
) -> None:
    async with open_scene(with_extras(course, checkpoints["bert_sentiment"]), message_content=True) as scene:
        write(scene, 4)
        await fetched(scene)
        async with device_held(scene.worker):
            result = scene.invoke(scene.alice, name, **COMMANDS[name])
            await scene.until(lambda: result.acknowledged)
            await die(scene)
        await take_over(scene)
        assert embed_of(result).description or embed_of(result).fields
        assert not result.ephemeral
        buttons = [one.get("label") for row in result.response.components for one in row["components"]]
        assert "Stop" not in buttons
        assert scene.worker.status().requests == 0
        assert not list(await scene.store.database.rows(text("SELECT id FROM unanswered")))


@pytest.mark.parametrize("label", ["Regenerate", "Show the work"])
async def test_a_button_in_the_making(open_scene: OpenScene, label: str) -> None:
    async with open_scene() as scene:
        first = await scene.alice.slash(scene.channel, "generate", prompt="Once", max_new_tokens=4)
        async with device_held(scene.worker):
            pressed = scene.press(scene.bob, first.response, label)
            await scene.until(lambda: pressed.acknowledged)
            await die(scene)
        await take_over(scene)
        assert pressed.response.id != first.response.id
        assert embed_of(pressed).description
        assert pressed.ephemeral is (label == "Show the work")


async def test_an_example_of_the_help_in_the_making(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await scene.alice.slash(scene.channel, "help", command="sentiment")
        shown_before = texts(page.response)
        await scene.worker.load_checkpoint("sentiment")
        async with device_held(scene.worker):
            before = len(scene.env.http_requests)
            trying = asyncio.create_task(forge_press(scene, scene.alice, page.response, "glassbox-help-try:sentiment"))
            await scene.until(lambda: any("/callback" in one.path for one in scene.env.http_requests[before:]))
            await die(scene)
        tried = await trying
        await take_over(scene)
        assert tried.ephemeral
        assert embed_of(tried).description
        assert texts(page.response) == shown_before
        await scene.alice.click(page.response, label="All commands")
        assert "Understand a text" in texts(page.response)


async def test_the_last_answer_of_a_quota(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dead process has counted it, and could not give it back."""

    async def die_first(*_: Any) -> None:
        pass

    async with open_scene() as scene:
        quotas = QuotaSettings(everybody=Quota(answers=1))
        await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update={"quotas": quotas}))
        with monkeypatch.context() as patch:
            patch.setattr(scene.bot.quotas, "_give_back", die_first)
            async with device_held(scene.worker):
                result = scene.invoke(scene.alice, "sentiment", text=TEXT)
                await scene.until(lambda: result.acknowledged)
                await die(scene)
        await take_over(scene)
        assert embed_of(result).description
        refused = await scene.alice.slash(scene.channel, "sentiment", text=f"{TEXT} Again.")
        assert "1 answer an hour" in str(refused.response.content)
        scene.env.errors.clear()


async def test_a_menu_of_a_message(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.worker.load_checkpoint("sentiment")
        channel = scene.env.backend.get_channel(scene.channel.id)
        async with device_held(scene.worker):
            result = send(scene, scene.alice, channel, "Sentiment", is_menu=True)
            await scene.until(lambda: result.acknowledged)
            await die(scene)
        await take_over(scene)
        assert result.ephemeral
        assert embed_of(result).description
        await scene.alice.click(result.response.message, label="Share")
        assert len(_shared(scene)) == 1


@pytest.mark.parametrize("is_shared", [False, True])
async def test_an_answer_that_is_being_shared(
    open_scene: OpenScene, is_shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shared once."""

    async def share_never(_: Any) -> None:
        await asyncio.Event().wait()

    async with open_scene() as scene:
        message = await scene.bob.send(scene.channel, TEXT)
        result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
        with monkeypatch.context() as patch:
            patch.setattr(scene.store.processes.unanswered, "answered", lambda interaction: None)
            if not is_shared:
                patch.setattr(sharing, "_copied", share_never)
            pressed = scene.press(scene.alice, result.response, "Share")
            await scene.until(lambda: pressed.acknowledged)
            if is_shared:
                await scene.env.settle()
            await die(scene)
        assert len(_shared(scene)) == is_shared
        await take_over(scene)
        assert len(_shared(scene)) == 1
        assert not pressed.followups or pressed.followups[0].content.startswith("-# Shared by")
        assert "Share" not in _labels(result)
        assert not scene.env.errors


async def test_an_answer_that_was_perhaps_shared(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between the post and the end of the button: nobody posts it again without being told."""
    edit = sharing._show

    async def die_before_the_end(interaction: Any, view: Any) -> None:
        if "Share" not in str([getattr(item, "label", "") for item in view.children]):
            await asyncio.Event().wait()
        await edit(interaction, view)

    async with open_scene() as scene:
        message = await scene.bob.send(scene.channel, TEXT)
        result = await scene.alice.context_menu(scene.channel, "Sentiment", message)
        with monkeypatch.context() as patch:
            patch.setattr(sharing, "_show", die_before_the_end)
            pressed = scene.press(scene.alice, result.response, "Share")
            await scene.until(lambda: _shared(scene))
            await die(scene)
        await take_over(scene)
        assert len(_shared(scene)) == 1
        assert pressed.followups[-1].content == str(sharing.NOT_CONFIRMED)
        scene.env.errors.clear()
        # After a look into the channel they may.
        await scene.alice.click(result.response.message, label="Share")
        assert len(_shared(scene)) == 2
        assert "Share" not in _labels(result)


def _shared(scene: Scene) -> list[Any]:
    return [one for one in scene.channel.history() if one.author.bot and one.content.startswith("-# Shared by")]


async def test_a_dry_run(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene)
        carol = forum.moderator()
        post = await forum.post(scene.alice, "It crashes")
        await scene.worker.load_checkpoint("zeroshot")
        async with device_held(scene.worker):
            channel = scene.env.backend.get_channel(scene.channel.id)
            result = send(scene, carol, channel, "forum-tags dry-run", forum=forum.handle)
            await scene.until(lambda: scene.worker.status().requests)
            assert result.acknowledged
            await die(scene)
        await take_over(scene)
        assert result.ephemeral
        assert "1 of 1" in embed_of(result).description or "0 of 1" in embed_of(result).description
        # Another one is not refused as if the first were under way.
        scene.env.backend.delete_channel(post.id)
        await scene.env.settle()
        again = await carol.slash(scene.channel, "forum-tags dry-run", forum=forum.handle)
        assert (again.followups or [again.response])[-1].content == str(NO_POSTS.filled(forum=f"<#{forum.id}>"))
        scene.env.errors.clear()


@pytest.mark.parametrize("is_translated", [False, True])
async def test_a_language_that_was_chosen_under_a_flag(
    open_scene: OpenScene, make_preset: Any, is_translated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the dead process had begun is this one's; what it had done is done."""

    async def do_nothing(*_: object, **__: object) -> None:
        pass

    async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
        await scene.bot.servers.change(scene.guild.id, reactions())
        await flagged(scene, GERMANY)  # loads the checkpoint
        await flagged(scene, SWITZERLAND, "¿Dónde está mi gato?")
        [_, menu] = posts(scene)
        with monkeypatch.context() as patch:
            patch.setattr(scene.store.processes.unanswered, "answered", lambda interaction: None)
            async with device_held(scene.worker):
                chosen = choose(scene, scene.alice, menu, "de")
                await scene.until(lambda: scene.worker.status().requests)
                if not is_translated:
                    patch.setattr(scene.bot.translations, "release", do_nothing)
                    patch.setattr(scene.bot.translations, "claim", do_nothing)
                    await die(scene)
            await scene.env.settle()
            await die(scene)
        assert shown(menu).startswith("**German**") is is_translated
        await take_over(scene)
        assert shown(menu).startswith("**German** · Deutsch\n")
        assert not chosen.followups
        assert len(posts(scene)) == 2
        assert not scene.env.errors


async def test_a_form_that_is_open(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        carol = forum.moderator(manage_channels=True, manage_guild=True)
        page = await Page(scene, carol).open()
        await page.turn_to("chat")
        setup = await carol.slash(scene.channel, "forum-tags setup", forum=forum.handle)
        await carol.slash(scene.channel, "sentiment", text=TEXT)
        privacy = await carol.slash(scene.channel, "privacy")
        prompt = await page.click("chat:prompt::")
        tag = await carol.select(
            setup.response, [str(forum.tags["bug"])], custom_id=f"glassbox-forum-tag:{forum.id}:menu"
        )
        erasure = await carol.click(privacy.response, label="Delete everything …")

        await scene.restart()
        await carol.submit_modal(prompt, {"texts": "Be brief."})
        await carol.submit_modal(tag, {"description": "a report of errors", "threshold": "72 %", "used": ["yes"]})
        await carol.submit_modal(erasure, {"sure": True, "choices": False})
        assert "> Be brief." in page.text()
        assert (await page.now()).chat.system_prompt == "Be brief."
        assert (await forum.settings()).of_tag(forum.tags["bug"]).description == "a report of errors"
        assert "a report of errors" in texts(setup.response)
        assert "Deleted" in texts(privacy.response)
        assert not scene.env.errors


async def test_a_page_of_an_answer_side_by_side(
    open_scene: OpenScene, course: Any, checkpoints: Mapping[str, Path]
) -> None:
    async with open_scene(with_extras(course, checkpoints["bert_sentiment"])) as scene:
        await fetched(scene)
        compared = await scene.alice.slash(scene.channel, "compare", text=TEXT, command="sentiment")
        opened = await scene.alice.click(compared.response.message, label="Show the work: tiny-bert_sentiment")
        await scene.restart()
        await scene.alice.click(opened.response.message, label="Next: Text")
        [embed] = opened.response.embeds
        assert embed.title == "1. Text"
        assert embed.footer.text.startswith("tiny-bert_sentiment · cpu")
        await scene.restart()
        await scene.alice.click(opened.response.message, label="Back")
        assert opened.response.embeds[0].title == "0. The way of the request"


async def test_an_answer_to_a_mention(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord does not send a message again, so its answer stays as it was; its button says so, and asking goes on."""
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 12)
    async with open_scene() as scene:
        await scene.alice.slash(scene.channel, "chat", message="Hello")
        with held_after(monkeypatch, 4):
            say(scene, scene.alice, at(scene, "I love apples."))
            await scene.until(lambda: _being_written(scene))
            [answer] = _being_written(scene)
            await die(scene)
        await scene.restart()
        late = await scene.alice.click(answer, label="Stop")
        assert late.ephemeral
        assert late.response.content == AlreadyEnded().sentence
        scene.env.errors.clear()
        await scene.alice.send(scene.channel, at(scene, "And pears?"))
        newest = [one for one in scene.channel.history() if one.author.bot and one.embeds]
        assert max(newest, key=lambda one: one.id).id != answer.id


def _being_written(scene: Scene) -> list[Any]:
    found = [one for one in scene.channel.history() if one.author.bot and one.embeds]
    return [one for one in found if labels(scene, one) == ["Stop"]]


async def test_a_page_for_somebody_who_may_not_see_it_any_more(open_scene: OpenScene) -> None:
    """A page of earlier messages, opened before a restart, and turned after a role was lost."""
    async with open_scene(message_content=True) as scene:
        write(scene, 4)
        carol = add(scene, "carol")
        summary = await carol.slash(scene.channel, "summarize", messages=4)
        opened = await carol.click(summary.response.message, label="Show the work")
        title = opened.response.embeds[0].title
        await scene.restart()
        forbid_history(scene, carol)
        await scene.env.settle()
        [turned] = [one for one in _labels(opened) if one.startswith("Next")]
        late = await carol.click(opened.response.message, label=turned)
        assert "you may not read them" in str((late.followups or [late.response])[-1].content)
        assert opened.response.embeds[0].title == title
        scene.env.errors.clear()


def _labels(result: Any) -> list[str]:
    return [one["label"] for row in result.response.components for one in row["components"] if "label" in one]
