"""New posts of a forum get their tags: applied, proposed, logged, and each once."""

from __future__ import annotations

from typing import Any

import pytest
from simcord.backend import serializers

from bot.forums.decisions import FORGOTTEN, NOT_YOURS
from bot.forums.record import TagState
from bot.forums.tagger import TITLE_AND_MESSAGE, TITLE_ONLY
from bot.inference.limits import Limits
from bot.servers.features import MessageFeature
from bot.servers.topics.access import AccessSettings, Rule, Subject
from bot.servers.topics.forums import ForumMode, TagSettings
from bot.storage.opt_outs import ReadAlong
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import ALWAYS, MEDIA, NEVER, Forum
from tests.support import unescape

APPLIED, REJECTED, CHOSEN = TagState.APPLIED, TagState.REJECTED, TagState.CHOSEN
DEAD = "The database is dead"


def edits_of(scene: Scene, thread: Any) -> list[Any]:
    """Return the edits of a post by the bot."""
    path = f"/channels/{thread.id}"
    return [one.json for one in scene.env.http_requests if one.method == "PATCH" and one.path == path]


def labels_of(message: Any) -> list[str]:
    return [one["label"] for row in message.components for one in row["components"]]


def sentence(scene: Scene, result: Any) -> str:
    """Return what only the person who has pressed a button reads."""
    assert result.ephemeral or result.followups[-1].ephemeral
    scene.env.errors.clear()
    return str((result.followups or [result.response])[-1].content)


async def come_back(scene: Scene) -> None:
    """Restart the bot, and wait until discord.py says that the servers are there."""
    await scene.restart()
    await scene.env.advance_time(10)


async def state_of(forum: Forum, thread: Any, tag: str) -> TagState:
    record = await forum.record(thread)
    assert record is not None
    return record.tags[forum.tags[tag]].state


async def test_tags_that_fit_are_applied_and_logged(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene, moderated=["idea"])
        await forum.set(bug=ALWAYS, question=NEVER, idea=ALWAYS, log_channel=scene.channel.id)
        post = await forum.post(scene.alice, "It *crashes*", "When I press the button.", ["question"])
        # What people have chosen stays, and moderated tags are not applied.
        assert forum.tags_of(post) == ["question", "bug"]
        [edit] = edits_of(scene, post)
        assert set(edit) == {"applied_tags"}
        assert not forum.messages(post)  # nobody is told in the post

        [logged] = forum.messages(scene.channel)
        embed = logged.embeds[0]
        assert unescape(embed["title"]) == "It *crashes*"
        assert f"<#{post.id}>" in embed["description"]
        assert "**bug**" in embed["description"]
        assert "Chosen by people: **question**" in embed["description"]
        assert str(TITLE_AND_MESSAGE) in embed["footer"]["text"]
        assert labels_of(logged) == ["Add idea", "Remove these tags", "Show the work"]

        shown = scene.press(scene.bob, logged, "Show the work")
        await scene.env.settle()
        assert shown.ephemeral
        assert shown.response is not None
        assert "crashes" in str(shown.response.embeds[0].to_dict())
        refused = scene.press(scene.bob, logged, "Remove these tags")
        await scene.env.settle()
        assert "Only moderators" in sentence(scene, refused)

        carol = forum.moderator()
        scene.press(carol, logged, "Add idea")
        await scene.env.settle()
        assert forum.tags_of(post) == ["question", "bug", "idea"]
        scene.press(carol, logged, "Remove these tags")
        await scene.env.settle()
        assert forum.tags_of(post) == ["question"]
        assert [await state_of(forum, post, tag) for tag in ("bug", "idea", "question")] == [REJECTED, REJECTED, CHOSEN]
        assert "Removed again: **" in logged.embeds[0]["description"]


async def test_posts_that_stay_as_they_are(open_scene: OpenScene, caplog: pytest.LogCaptureFixture) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        before = await forum.post(scene.alice, "Before it was switched on")
        await forum.set(bug=ALWAYS, question=ALWAYS, idea=ALWAYS, most=2)
        await scene.bot.opt_outs.set(scene.bob.id, ReadAlong.FORUM_TAGS, True)
        wordless = await forum.post(scene.alice, "🎉")
        opted_out = await forum.post(scene.bob, "I do not want tags")
        full = await forum.post(scene.alice, "It has two already", tags=["idea", "bug"])
        locked = await forum.post(scene.alice, "Locked at once", settle=False)
        await forum.retag(locked, locked=True)
        gone = await forum.post(scene.alice, "Deleted at once", settle=False)
        scene.env.backend.delete_channel(gone.id)
        await scene.env.settle()
        assert forum.tags_of(full) == ["idea", "bug"]
        assert not any(map(forum.tags_of, (before, wordless, opted_out, locked)))
        assert (await forum.record(opted_out)) is None

        elsewhere = scene.env.backend.create_thread(scene.channel.id, "Not in a forum", scene.alice.id)
        await scene.env.settle()
        assert await forum.record(elsewhere) is None

        # An emoji that was described is judged, a tag that was deleted is not, and a renamed one keeps its settings.
        forum.rename_tags({"bug": "defect", "question": "🎉"})
        await forum.set(bug=ALWAYS, question=TagSettings(threshold=0.01, description="a party"), idea=ALWAYS)
        assert set(forum.tags_of(await forum.post(scene.alice, "A post with words"))) == {"bug", "question"}
        forum.rename_tags({})
        assert not forum.tags_of(await forum.post(scene.alice, "A forum without tags"))
        await forum.set(ForumMode.OFF)
        assert not edits_of(scene, await forum.post(scene.alice, "Switched off"))
    assert "words" not in caplog.text


async def test_access_rules_hold_for_posts(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS)
        rule = Rule(feature=MessageFeature.FORUM_TAGS, subject=Subject.PLACE, id=forum.id, allow=False)
        rules = AccessSettings(rules=(rule,))
        await scene.bot.servers.change(scene.guild.id, lambda known: known.model_copy(update={"access": rules}))
        assert not forum.tags_of(await forum.post(scene.alice, "It crashes"))


async def test_media_channels_have_tags_too(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    known = serializers.channel_payload

    def with_tags(backend: Any, channel: Any) -> Any:
        return {**known(backend, channel), "available_tags": list(channel.available_tags)}

    monkeypatch.setattr(serializers, "channel_payload", with_tags)  # simcord has no media channels
    async with open_scene() as scene:
        forum = await Forum.open(scene, kind=MEDIA)
        await forum.set(bug=ALWAYS)
        assert forum.tags_of(await forum.post(scene.alice, "A picture of a crash")) == ["bug"]


async def test_only_proposing(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene, moderated=["idea"])
        await forum.set(ForumMode.PROPOSE, bug=ALWAYS, question=ALWAYS, idea=ALWAYS, log_channel=scene.channel.id)
        post = await forum.post(scene.alice, "It crashes")
        assert not forum.tags_of(post)
        [message] = forum.messages(post)
        assert sorted(labels_of(message)) == sorted(
            ["Add bug", "Add question", "Add idea", "Add all", "No, thanks", "Show the work"]
        )
        assert str(TITLE_ONLY) in message.embeds[0]["footer"]["text"]
        assert not forum.messages(scene.channel)

        for label in ("Add bug", "No, thanks"):
            refused = scene.press(scene.bob, message, label)
            await scene.env.settle()
            assert sentence(scene, refused) == str(NOT_YOURS)
        refused = scene.press(scene.alice, message, "Add idea")
        await scene.env.settle()
        assert "Only moderators can add **idea**" in sentence(scene, refused)

        await scene.restart()
        scene.press(scene.alice, message, "Add bug")
        await scene.env.settle()
        assert forum.tags_of(post) == ["bug"]
        assert labels_of(message) == [one for one in labels_of(message) if one != "Add bug"]
        assert "Added: **bug**" in message.embeds[0]["description"]
        [logged] = forum.messages(scene.channel)
        assert f"Accepted by <@{scene.alice.id}>" in logged.embeds[0]["description"]

        await forum.retag(post, "bug", "question")  # by hand
        assert await state_of(forum, post, "question") is APPLIED
        carol = forum.moderator()
        scene.press(carol, message, "Add idea")
        await scene.env.settle()
        assert set(forum.tags_of(post)) == {"bug", "question", "idea"}
        assert labels_of(message) == ["Show the work"]

        again = await forum.post(scene.alice, "Another one")
        [message] = forum.messages(again)
        scene.press(scene.alice, message, "No, thanks")
        await scene.env.settle()
        assert not forum.messages(again)
        assert await state_of(forum, again, "bug") is REJECTED
        assert not forum.tags_of(again)


async def test_forged_and_late_presses(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(ForumMode.PROPOSE, bug=ALWAYS, question=ALWAYS, idea=NEVER)
        post = await forum.post(scene.alice, "It crashes")
        [message] = forum.messages(post)
        [button] = [one for row in message.components for one in row["components"] if one["label"] == "Add bug"]
        real = button["custom_id"]
        button["custom_id"] = real.replace(str(forum.tags["bug"]), str(forum.tags["idea"]))  # never proposed
        scene.press(scene.alice, message, "Add bug")
        await scene.env.settle()
        assert not forum.tags_of(post)
        [button] = [one for row in message.components for one in row["components"] if one["label"] == "Add bug"]
        button["custom_id"] = real.replace(str(post.id), str(scene.channel.id))  # no post
        refused = scene.press(scene.alice, message, "Add bug")
        await scene.env.settle()
        assert sentence(scene, refused) == str(FORGOTTEN)
        button["custom_id"] = real
        scene.env.inject_error("PATCH", f"/channels/{post.id}", status=403, code=50013, message="Missing Permissions")
        failed = scene.press(scene.alice, message, "Add bug")
        await scene.env.settle()
        assert "Manage Threads" in sentence(scene, failed)
        assert await state_of(forum, post, "bug") is TagState.PROPOSED
        await forum.retag(post, archived=True)
        late = scene.press(scene.alice, message, "Add bug")
        await scene.env.settle()
        assert "archived" in sentence(scene, late)


async def test_a_bot_without_permission_says_so_in_the_log(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER, log_channel=scene.channel.id)
        scene.env.inject_error("PATCH", "/channels/*", status=403, code=50013, message="Missing Permissions")
        post = await forum.post(scene.alice, "It crashes")
        assert await state_of(forum, post, "bug") is TagState.WITHHELD
        [logged] = forum.messages(scene.channel)
        assert "Manage Threads" in logged.embeds[0]["description"]
        assert labels_of(logged) == ["Show the work"]


async def test_each_post_is_judged_once_and_those_of_an_absence_too(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = serializers.guild_create_payload

    def with_threads(backend: Any, guild: Any) -> Any:
        threads = [serializers.thread_payload(backend, one) for one in backend.active_threads(guild.id)]
        return {**known(backend, guild), "threads": threads}

    monkeypatch.setattr(serializers, "guild_create_payload", with_threads)  # Discord sends them, simcord does not
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER, since=scene.env.now().timestamp() + 60)
        old = await forum.post(scene.alice, "Older than the setting")
        await scene.env.advance_time(120)
        seen = await forum.post(scene.alice, "Seen at once")
        emit = scene.env.backend.emit
        monkeypatch.setattr(scene.env.backend, "emit", lambda *_: None)
        missed = await forum.post(scene.bob, "While the bot was away")
        monkeypatch.setattr(scene.env.backend, "emit", emit)
        for _ in range(2):
            await come_back(scene)
        assert [len(edits_of(scene, one)) for one in (old, seen, missed)] == [0, 1, 1]
        assert forum.tags_of(missed) == ["bug"]
        await forum.set(ForumMode.PROPOSE, bug=ALWAYS, question=NEVER, idea=NEVER)
        proposed = await forum.post(scene.bob, "Proposed once")
        await come_back(scene)
        assert len(forum.messages(proposed)) == 1
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER)

        # Without the database nothing is judged, because it could be judged twice; afterwards it is caught up with.
        async def fails(*_: Any, **__: Any) -> Any:
            raise OSError(DEAD)

        with monkeypatch.context() as broken:
            broken.setattr(scene.store.forum_posts, "claim", fails)
            unclaimed = await forum.post(scene.alice, "The database fails")
        assert not edits_of(scene, unclaimed)
        await come_back(scene)
        assert forum.tags_of(unclaimed) == ["bug"]
        await scene.env.advance_time(25 * 3600.0)
        with monkeypatch.context() as broken:
            broken.setattr(scene.store.forum_posts, "claim", fails)
            late = await forum.post(scene.alice, "And fails for a day")
        await scene.env.advance_time(25 * 3600.0)
        await come_back(scene)
        assert not forum.tags_of(late)


async def test_a_flood_by_one_person_gets_its_tags_one_after_the_other(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.forums.judging.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("bot.forums.judging.TRIES", 1_000)
    async with open_scene(limits=Limits(per_person=1)) as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS)
        posts = [await forum.post(scene.alice, f"It crashes, {number} times", settle=False) for number in range(8)]
        await scene.env.settle()
        assert [forum.tags_of(post)[0] for post in posts] == ["bug"] * 8
        assert {len(edits_of(scene, post)) for post in posts} == {1}
