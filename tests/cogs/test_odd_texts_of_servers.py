"""Odd texts wherever people of a server can put one: what they choose, write, attach, name and report.

Each is answered, or refused with a sentence; all that is sent keeps Discord's limits and pings nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.flags import translator
from bot.mentions import limits
from bot.replies.formatting.text import units
from bot.replies.help import report
from bot.reports import ReportTo
from bot.servers.settings import ServerSettings
from bot.servers.topics.forums import ForumMode, TagSettings
from bot.text.characters import visible
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.forum import ALWAYS, Forum
from tests.cogs.layouts import forge_modal, forge_press, texts
from tests.cogs.mentioning import at, posted
from tests.cogs.test_flags import GERMANY, reactions
from tests.cogs.test_message_menus import PRIVATE_MENUS, use
from tests.cogs.test_mood import write
from tests.cogs.test_settings import MANAGER, Page
from tests.odd_texts import LINK, LONG, ODD, check_body
from tests.support import with_extras

pytestmark = pytest.mark.measured_elsewhere

PUBLIC_THREAD = 11
TYPED: Mapping[str, str] = {name: text for name, text in ODD.items() if text}
"""Discord sends no empty option, and refuses an empty message."""
WRITTEN: Mapping[str, str] = {name: text for name, text in TYPED.items() if text.strip()} | {
    name: text[:2_000] for name, text in LONG.items()
}


def with_threads(now: ServerSettings) -> ServerSettings:
    """Let each conversation begin in a thread of its own."""
    return now.model_copy(update={"chat": now.chat.model_copy(update={"threads": True})})


def check_sent(scene: Scene) -> None:
    """Assert that what the bot has sent pings nobody. Whether Discord takes it is checked at the end of each scene."""
    bodies = [one.json for one in scene.env.http_requests if isinstance(one.json, dict)]
    for body in bodies:
        check_body(body)
        data = body.get("data") or body
        if data.get("embeds") or data.get("content"):
            assert data.get("allowed_mentions") == {"parse": []}, data


def check_told(scene: Scene, result: Any) -> None:
    """Assert that somebody reads an answer or a sentence, and not that the bot is thinking for ever."""
    said = [one for one in (result.response, *result.followups) if one is not None]
    assert said
    last = said[-1]
    assert last.embeds or last.content or last.components
    if not last.embeds and last.content and not last.components:
        assert last.content.rstrip("`")[-1] in ".?!", last.content
    scene.env.errors.clear()


async def test_compared(open_scene: OpenScene, make_preset: Any, checkpoints: Mapping[str, Path]) -> None:
    own = make_preset(sentiment="distilbert", zeroshot="bart_mnli")
    async with open_scene(with_extras(own, checkpoints["bert_sentiment"])) as scene:
        for pooled in scene.worker._pool.checkpoints:
            await scene.worker._pool.fetch(pooled)
        await scene.heard()
        for text in (*TYPED.values(), *LONG.values()):
            for command in ("sentiment", "tokenize"):
                check_told(scene, await scene.alice.slash(scene.channel, "compare", text=text, command=command))
        for text in TYPED.values():
            result = await scene.alice.slash(
                scene.channel, "compare", text="I love apples.", command="sentiment", checkpoints=text
            )
            check_told(scene, result)
        check_sent(scene)


async def test_labels_and_messages_of_a_channel(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        for number, text in enumerate(WRITTEN.values()):
            write(scene, 1, text=text, who=(scene.alice, scene.bob)[number % 2])
        write(scene, 10)
        check_told(scene, await scene.alice.slash(scene.channel, "mood"))
        kinds = [text[:60] for text in TYPED.values()]
        labels = ["; ".join(kinds[start : start + 5]) for start in range(0, len(kinds), 5)]
        for text in (*labels, ",".join(map(str, range(40))), "a,a,A", "\"a, b\", “c”; 'd'", LONG["one word"]):
            result = await scene.alice.slash(scene.channel, "topics", labels=text, messages=50)
            check_told(scene, result)
        check_sent(scene)


async def test_messages_with_menus(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for number, text in enumerate(WRITTEN.values()):
            message = await scene.bob.send(scene.channel, text)
            for name in (PRIVATE_MENUS[number % len(PRIVATE_MENUS)], "Translate"):
                check_told(scene, await use(scene, scene.alice, name, message))
        check_sent(scene)


FILES: Mapping[str, tuple[str, bytes]] = {
    "empty": ("a.txt", b""),
    "blank": ("a.txt", b" \n\t\n"),
    "controls": ("a.txt", b"I love\0 apples.\x1b[31m"),
    "latin-1": ("a.txt", "schöne Grüße".encode("latin-1")),
    "utf-16": ("a.txt", "I love apples.".encode("utf-16")),
    "mark": ("a.md", "\ufeffI love apples.".encode()),
    "fence": ("a.md", ODD["fence"].encode()),
    "mentions": ("@everyone [x](https://evil.example).txt", ODD["mentions"].encode()),
    "no text": ("a.txt", b"\x89PNG\r\n\x1a\n\0"),
    "long": ("a.log", b"apples " * 5_000),
}


class TestChat:
    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PER_PERSON", "PER_CHANNEL", "SENTENCES"):
            monkeypatch.setattr(limits, name, (1_000, 20.0))
        monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 2)

    async def test_messages_to_the_bot(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            for text in ["", *WRITTEN.values()]:
                before = len(posted(scene))
                await scene.bob.send(scene.channel, at(scene, text[:1_900]))
                assert len(posted(scene)) > before, ascii(text)
            await scene.bot.servers.change(scene.guild.id, with_threads)
            for text in list(WRITTEN.values())[-6:]:
                await scene.bob.send(scene.channel, at(scene, text[:1_900]))
            names = [one.name for one in scene.env.backend.channels.values() if one.type == PUBLIC_THREAD]
            assert len(names) >= 4
            assert all(0 < units(name.strip()) <= 100 and visible(name) == name for name in names)
            for text in list(WRITTEN.values())[:8]:
                before = len(posted(scene))
                await scene.bob.send_dm(text)
                assert len(posted(scene)) > before, ascii(text)
            scene.env.errors.clear()
            check_sent(scene)

    async def test_files_to_the_bot(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            for name, content in FILES.values():
                before = len(posted(scene))
                await scene.bob.send(scene.channel, at(scene, ""), attachments=[(name, content)])
                assert len(posted(scene)) > before, name
            scene.env.errors.clear()
            check_sent(scene)

    async def test_system_prompts(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            role = scene.guild.create_role("Moderators", permissions=MANAGER)
            page = Page(scene, scene.guild.add_member(scene.env.create_user("mod"), roles=[role]))
            await page.open()
            await page.turn_to("chat")
            for text in (*TYPED.values(), LONG["one word"][:2_000], LONG["astral"][:2_000]):
                shown = await page.click("chat:prompt::")
                await page.moderator.submit_modal(shown, {"texts": text})
                assert page.is_valid()
                check_told(scene, await scene.alice.slash(scene.channel, "chat", message="Hello"))
            assert (await page.now()).chat.system_prompt == LONG["astral"][:2_000]
            check_sent(scene)


async def test_messages_under_flags(open_scene: OpenScene, make_preset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PER_PERSON", "PER_CHANNEL"):
        monkeypatch.setattr(translator, name, 1_000)
    async with open_scene(make_preset(translate="m2m100"), message_content=True) as scene:
        await scene.bot.servers.change(scene.guild.id, reactions())
        for text in WRITTEN.values():
            message = await scene.bob.send(scene.channel, text)
            await scene.alice.react(message, GERMANY)
        assert not scene.env.errors
        assert len(posted(scene)) > len(WRITTEN) // 2  # the others have no words
        check_sent(scene)


async def test_names_of_tags_and_titles_of_posts(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        names = [text[:20] for text in _encodable(WRITTEN.values())][:20]
        forum = await Forum.open(scene, dict.fromkeys(names))
        own = {name: TagSettings(threshold=0.01, description=f"{name} x"[:40]) for name in names[::2]}
        await forum.set(ForumMode.APPLY, **own, log_channel=scene.channel.id)
        carol = forum.moderator()
        check_told(scene, await carol.slash(scene.channel, "forum-tags setup", forum=forum.handle))
        for text in _encodable(WRITTEN.values()):
            await forum.post(scene.alice, text[:100], text)
        await forum.set(ForumMode.PROPOSE, **dict.fromkeys(names, ALWAYS))
        await forum.post(scene.alice, "I love apples", LONG["one word"][:2_000])
        check_told(scene, await carol.slash(scene.channel, "forum-tags report", forum=forum.handle))
        check_told(scene, await carol.slash(scene.channel, "forum-tags dry-run", forum=forum.handle))
        assert not scene.env.errors
        check_sent(scene)


GIVEN: Mapping[str, tuple[str, bytes]] = {
    "no row": ("a.csv", b"id,text\n"),
    "one row": ("a.csv", b"I love it, really.\n"),
    "archive": ("a.csv", b"PK\x03\x04\x14\0\0\0"),
    "nul": ("a.csv", b"text\na\0b\n"),
    "columns": ("a.csv", b"x," * 999),
    "names": ("@everyone [x](https://evil.example).csv", f"{LINK},@everyone,<@12>,=1\n1,2,3,4\n".encode()),
    "broken": ("a.csv", b'"open\ntext\n"@everyone"<@12>\n[x](https://evil.example),@here\n'),
    "fields": ("a.jsonl", json.dumps(dict.fromkeys((*TYPED.values(), *LONG.values()), "x")).encode()),
    "no object": ("a.jsonl", b'[1]\nNaN\n"x"\n'),
    "texts": ("a.jsonl", "\n".join(json.dumps({"text": text}) for text in (*ODD.values(), *LONG.values())).encode()),
}


async def test_whole_files(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for name, content in GIVEN.values():
            given = {"file": (name, content), "command": "sentiment"}
            check_told(scene, await scene.alice.slash(scene.channel, "batch", **given))
        for text in TYPED.values():
            file = ("a.csv", b"text\nI love apples.\n")
            for options in (
                {"command": "zeroshot", "labels": f"{text}; food"},
                {"command": "similarity", "reference": text},
            ):
                check_told(scene, await scene.alice.slash(scene.channel, "batch", file=file, column=text, **options))
            options = {"command": "zeroshot", "labels": f"{text[:60]}; food"}
            check_told(scene, await scene.alice.slash(scene.channel, "batch", file=file, **options))
        check_sent(scene)


async def test_reports_and_exports(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.ReportLimit, "check", lambda limit, person: None)
    async with open_scene() as scene:
        operators = scene.guild.create_text_channel("reports")
        scene.bot.report_to = ReportTo(channel=operators.id)
        for text in (*ODD.values(), *LONG.values()):
            field = {"type": 4, "custom_id": "texts", "value": text}
            check_told(scene, await forge_modal(scene, scene.alice, "glassbox-help-send-report:", field))
            check_told(scene, await scene.alice.slash(scene.channel, "sentiment", text=text or "I"))
        assert len(operators.history()) >= len(ODD) - 3
        page = (await scene.alice.slash(scene.channel, "privacy")).response
        exported = await forge_press(scene, scene.alice, page, "glassbox-privacy-export")
        [file] = exported.response.attachments
        assert json.loads(await file.read())["data"]["requests"]["rows"]
        assert texts(page)
        check_sent(scene)


def _encodable(found: Iterable[str]) -> list[str]:
    return [text.encode("utf-8", "replace").decode() for text in found]
