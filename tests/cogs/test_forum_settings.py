"""`/forum-tags`: the page of a forum, a dry run and the report, as people with and without permission see them."""

from __future__ import annotations

from typing import Any

import pytest
from discord import app_commands
from simcord.actors import to_discord_message

from bot.forums.changes import NEVER_OFFERED
from bot.forums.choosing import NOT_ALLOWED, UNSEEN, WHICH
from bot.forums.pages.dry_run import NOT_COMPARED, UNCHANGED
from bot.forums.pages.report import NOTHING, UNDECIDED
from bot.forums.pages.setup import NO_TAGS, READS_ALL, READS_TITLES
from bot.replies.formatting.text import units
from bot.servers.topics.forums import ForumMode, ForumSettings, TagSettings
from bot.storage.opt_outs import ReadAlong
from cogs.forum_tags import NO_POSTS, NOT_SAVED
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import ALWAYS, NEVER, Forum

DEAD = "The database is dead"


def walked(components: Any) -> list[dict[str, Any]]:
    """Return components with those in them."""
    found = []
    for one in components:
        inner = [*(one.get("components") or []), *([one["accessory"]] if one.get("accessory") else [])]
        found += [one, *walked(inner)]
    return found


def shown(scene: Scene, message: Any) -> list[dict[str, Any]]:
    """Return the components of a message as they are now."""
    return walked(scene.env.backend.get_message(message.channel_id, message.id).components)


def text_of(scene: Scene, message: Any) -> str:
    return "\n".join(one["content"] for one in shown(scene, message) if "content" in one)


def chosen(scene: Scene, message: Any, action: str) -> list[str]:
    """Return the options that a menu shows as chosen."""
    return [option["value"] for option in menu_of(scene, message, action)["options"] if option.get("default")]


def menu_of(scene: Scene, message: Any, action: str) -> dict[str, Any]:
    start = f"glassbox-forum-{action}:"
    [menu] = [one for one in shown(scene, message) if one.get("custom_id", "").startswith(start)]
    return menu


def sentence(scene: Scene, result: Any) -> str:
    """Return what only the person reads."""
    assert result.ephemeral or result.followups[-1].ephemeral
    scene.env.errors.clear()
    return str((result.followups or [result.response])[-1].content)


def discord_message(scene: Scene, message: Any) -> Any:
    return to_discord_message(scene.env, message)


async def choose(forum: Forum, who: Any, message: Any, action: str, *values: Any, kind: str = "menu") -> Any:
    """Somebody chooses from a menu."""
    return await who.select(message, list(values), custom_id=f"glassbox-forum-{action}:{forum.id}:{kind}")


async def test_a_moderator_sets_what_happens(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene, moderated=["idea"])
        carol = forum.moderator()
        opened = await carol.slash(scene.channel, "forum-tags setup", forum=forum.handle)
        assert opened.ephemeral
        page = opened.response
        assert str(READS_ALL) in text_of(scene, page)
        assert "idea · moderated" in text_of(scene, page)
        assert (chosen(scene, page, "mode"), chosen(scene, page, "threshold")) == (["off"], ["0.80"])

        await scene.restart()
        await choose(forum, carol, page, "mode", "apply")
        await choose(forum, carol, page, "threshold", "0.60")
        await choose(forum, carol, page, "most", "5")
        await choose(forum, carol, page, "log", scene.channel, kind="channel")
        settings = await forum.settings()
        assert (settings.mode, settings.threshold, settings.most) == (ForumMode.APPLY, 0.6, 5)
        assert settings.log_channel == scene.channel.id
        assert settings.since == pytest.approx(scene.env.now().timestamp(), abs=60)
        assert (chosen(scene, page, "mode"), chosen(scene, page, "most")) == (["apply"], ["5"])
        await choose(forum, carol, page, "log", kind="channel")
        assert (await forum.settings()).log_channel is None

        asked = await choose(forum, carol, page, "tag", str(forum.tags["bug"]))
        assert asked.modal["title"] == "Tag: bug"
        refused = await carol.submit_modal(asked, {"threshold": "a lot", "used": ["yes"]})
        assert "1 to 99 per cent" in sentence(scene, refused)
        asked = await choose(forum, carol, page, "tag", str(forum.tags["bug"]))
        await carol.submit_modal(asked, {"description": "a report of *errors*", "threshold": "72,5 %", "used": ["yes"]})
        own = (await forum.settings()).of_tag(forum.tags["bug"])
        assert own == TagSettings(description="a report of *errors*", threshold=0.725)
        assert "a report of \\*errors\\*" in text_of(scene, page)

        # What cannot be saved is as it was, and so is the page.
        async def fails(*_: Any, **__: Any) -> Any:
            raise OSError(DEAD)

        with monkeypatch.context() as broken:
            broken.setattr(scene.bot.servers.table, "change", fails)
            failed = await choose(forum, carol, page, "mode", "propose")
        assert sentence(scene, failed) == str(NOT_SAVED)
        assert chosen(scene, page, "mode") == ["apply"]

        # Choices that were never offered change nothing.
        before = await forum.settings()
        for action, value in (("mode", "everything"), ("threshold", "nan"), ("threshold", "2"), ("most", "9")):
            menu_of(scene, page, action)["options"].append({"label": "forged", "value": value})
            assert sentence(scene, await choose(forum, carol, page, action, value)) == str(NEVER_OFFERED)
        assert await forum.settings() == before

        # The permission is looked at again at every click.
        scene.env.backend.get_guild(scene.guild.id).members[carol.id].role_ids.clear()
        late = await choose(forum, carol, page, "mode", "off")
        assert sentence(scene, late) == str(NOT_ALLOWED.filled(forum=f"<#{forum.id}>"))
        assert await forum.settings() == before


async def test_who_may_and_where(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        empty = await Forum.open(scene, names=())
        await forum.set(ForumMode.PROPOSE)
        [command] = [one for one in scene.env.backend.commands[None].values() if one["name"] == "forum-tags"]
        assert command["contexts"] == [0]  # neither in direct messages nor in groups
        assert command["integration_types"] == [0]
        assert command["default_member_permissions"] == 1 << 4

        # Somebody has allowed it to everybody in the server's settings, which does not make them moderators.
        command["default_member_permissions"] = None
        refused = await scene.alice.slash(scene.channel, "forum-tags setup", forum=forum.handle)
        assert sentence(scene, refused) == str(NOT_ALLOWED.filled(forum=f"<#{forum.id}>"))
        helper = forum.moderator("dave", manage_threads=True)
        assert sentence(scene, await helper.slash(scene.channel, "forum-tags report", forum=forum.handle))
        owner = forum.moderator("owner", administrator=True)
        assert sentence(scene, await owner.slash(scene.channel, "forum-tags setup")) == str(WHICH)
        post = await forum.post(owner, "Used in a post")
        opened = await owner.slash(forum.channel(post), "forum-tags setup")
        assert str(READS_TITLES) in text_of(scene, opened.response)
        forum.allow_the_bot(manage_threads=False)
        opened = await owner.slash(forum.channel(post), "forum-tags setup")
        assert "I lack **Manage Threads** here" in text_of(scene, opened.response)
        opened = await owner.slash(scene.channel, "forum-tags setup", forum=empty.handle)
        assert str(NO_TAGS) in text_of(scene, opened.response)
        assert "no tags with words" in sentence(
            scene, await owner.slash(scene.channel, "forum-tags dry-run", forum=empty.handle)
        )
        refused = await choose(empty, owner, opened.response, "log", forum.secret_channel(), kind="channel")
        assert "I may not write to" in sentence(scene, refused)
        with monkeypatch.context() as unseen:
            unseen.setattr(app_commands.AppCommandChannel, "resolve", lambda _: None)
            refused = await owner.slash(scene.channel, "forum-tags setup", forum=forum.handle)
        assert sentence(scene, refused) == str(UNSEEN)
        scene.env.backend.delete_channel(empty.id)
        await scene.env.settle()
        assert "deleted" in sentence(scene, await choose(empty, owner, opened.response, "mode", "off"))


async def test_a_dry_run_changes_nothing(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene)
        carol = forum.moderator()
        nothing = await carol.slash(scene.channel, "forum-tags dry-run", forum=forum.handle)
        assert sentence(scene, nothing) == str(NO_POSTS.filled(forum=f"<#{forum.id}>"))
        await forum.set(ForumMode.OFF, bug=ALWAYS, question=NEVER, idea=NEVER, most=5)
        await scene.bot.opt_outs.set(scene.bob.id, ReadAlong.FORUM_TAGS, True)
        untagged = await forum.post(scene.alice, "No tag yet")
        run = await carol.slash(scene.channel, "forum-tags dry-run", forum=forum.handle)
        assert str(NOT_COMPARED) in run.response.embeds[0].description
        assert run.response.embeds[0].footer.text.endswith(str(UNCHANGED))  # and no word about comparisons
        posts = [
            untagged,
            await forum.post(scene.alice, "A [bug] *indeed*", "It crashes.", ["bug"]),
            await forum.post(scene.alice, "Both", "It crashes. Why?", ["bug", "question"]),
            await forum.post(scene.alice, "An idea", "A dark theme", ["idea"]),
            await forum.post(scene.alice, "🎉"),
            await forum.post(scene.bob, "Not mine", tags=["bug"]),
        ]
        await forum.retag(posts[1], "bug", archived=True)
        run = await carol.slash(scene.channel, "forum-tags dry-run", forum=forum.handle)
        assert run.ephemeral
        embed = run.response.embeds[0]
        text = embed.description
        assert "**4 of 4** posts would get tags" in text
        assert "1 left out" in text
        assert "1 could not be judged" in text
        assert "right 67\u00a0% (2 of 3; 21 to 94\u00a0%), found 50\u00a0% (2 of 4; 15 to 85\u00a0%)" in text
        assert {file.filename for file in run.response.attachments} == {"dry-run.png", "dry-run.txt"}
        assert embed.image.url is not None
        [picture, _] = sorted(run.response.attachments, key=lambda one: one.filename)
        assert "bug: right (precision) 67 % of 3 (21 to 94 %), found (recall) 100 % of 2" in picture.description
        assert not [
            one for one in scene.env.http_requests if one.method == "PATCH" and one.path.startswith("/channels")
        ]
        assert not forum.messages(untagged)

        used = await choose(forum, carol, run.response, "use", "0.50")
        assert "from 50 %" in sentence(scene, used)
        assert (await forum.settings()).threshold == 0.5


async def test_corrections_are_counted_and_reported(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        carol = forum.moderator()
        empty = await carol.slash(scene.channel, "forum-tags report", forum=forum.handle)
        assert empty.response.embeds[0].description == str(NOTHING)
        await forum.set(ForumMode.PROPOSE, bug=ALWAYS, question=NEVER, idea=NEVER)
        undecided = await forum.post(scene.alice, "Nobody has decided")
        early = await carol.slash(scene.channel, "forum-tags report", forum=forum.handle)
        lines = early.response.embeds[0].description.splitlines()
        assert lines == [
            "1 post judged in the last 180 days.",
            str(UNDECIDED),
            "",
            "**bug**: no cases yet · 1 undecided",
        ]
        scene.env.backend.delete_channel(undecided.id)
        await scene.env.settle()
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER)
        posts = [await forum.post(scene.alice, f"Post {number}") for number in range(4)]
        await forum.retag(posts[0], "question")  # not a bug, but a question
        await forum.retag(posts[1], "bug", "idea")
        await forum.retag(posts[2], "bug", archived=True)
        scene.env.backend.get_channel(posts[3].id).applied_tags.clear()  # while the bot was away
        await scene.restart()
        scene.env.backend.announce_thread_create(scene.env.backend.get_channel(posts[3].id))
        await scene.env.settle()
        result = await carol.slash(scene.channel, "forum-tags report", forum=forum.handle)
        text = result.response.embeds[0].description.replace("\u00a0", " ")
        assert text.startswith("4 posts judged")
        assert "**bug**: right 50 % (2 of 4; 15 to 85 %) · found 100 % (2 of 2; 34 to 100 %)" in text
        assert "**question**: right no cases yet · found 0 % (0 of 1; 0 to 79 %)" in text
        [picture] = result.response.attachments
        assert "bug: right (precision) 50 % of 4 (15 to 85 %)" in picture.description

        # A deleted tag is no correction, and a deleted post no case.
        forum.rename_tags({"question": None, "idea": None})
        await forum.retag(posts[1], "idea")
        scene.env.backend.delete_channel(posts[0].id)
        await scene.env.settle()
        result = await carol.slash(scene.channel, "forum-tags report", forum=forum.handle)
        text = result.response.embeds[0].description.replace("\u00a0", " ")
        assert text.startswith("3 posts judged")
        assert "**a deleted tag**: right 67 % (2 of 3" in text

        scene.env.backend.delete_channel(forum.id)
        await scene.env.settle()
        assert await forum.settings() == ForumSettings()
        assert not await scene.store.forum_posts.of_forum(forum.id)


HOSTILE = (
    "𝔸" * 20,
    "*" * 10 + "a" * 10,
    "[x](http://a.b)",
    "@everyone",
    "<@1> `code`",
    "> quote",
    "# big",
    "👩\u200d👧" * 5 + "x",
)


async def test_forums_as_large_as_discord_allows(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        names = [*HOSTILE, *(f"{number:02}{'界' * 18}" for number in range(12))]
        forum = await Forum.open(scene, names)
        carol = forum.moderator()
        label = "*" * 40 + "a" * 40
        own = {
            name: TagSettings(description=f"{place:02}{label[2:]}", threshold=0.01) for place, name in enumerate(names)
        }
        await forum.set(ForumMode.PROPOSE, most=5, log_channel=scene.channel.id, **own)
        opened = await carol.slash(scene.channel, "forum-tags setup", forum=forum.handle)
        assert text_of(scene, opened.response).endswith("- …")
        assert units(text_of(scene, opened.response)) <= 4_000
        posts = [await forum.post(carol, "*[𝔸]" * 20, "_a_ " * 400, names[:1]) for _ in range(3)]
        for post in posts:
            [message] = forum.messages(post)
            added = await carol.click(discord_message(scene, message), label="Add all")
            assert not added.followups
            assert len(forum.tags_of(post)) == 5
        for command in ("dry-run", "report"):
            result = await carol.slash(scene.channel, f"forum-tags {command}", forum=forum.handle)
            embed = result.response.embeds[0]
            assert units(embed.description) <= 4_096
            assert units(embed.title + embed.description + embed.footer.text) <= 6_000
        assert "@everyone" not in "".join(str(one.embeds) for one in forum.messages(scene.channel)).replace(
            "@\u200b", ""
        )
