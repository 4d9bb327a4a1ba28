"""Which words made it write each of its own, chosen in a menu, in a simulated Discord."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.replies.work.text_table import TABLE_WIDTH
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.people import forbid_history
from tests.cogs.test_prompted_evidence import evidence_of

NAME = "Which words made it write this"
TEXT = "I love this course"


@pytest.fixture(autouse=True)
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 40)  # random models never end a text by themselves
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", dict.fromkeys(["short", "medium", "long"], 12))


def menu_of(message: Any) -> dict[str, Any]:
    """The menu of written words."""
    items = [one for row in message.components for one in row["components"]]
    [found] = [one for one in items if one["custom_id"].startswith("glassbox-written:")]
    return dict(found)


async def choose(scene: Scene, who: Any, message: Any, value: str) -> Any:
    return await who.select(message.message, [value], custom_id=menu_of(message)["custom_id"])


def page_of(message: Any) -> str:
    [embed] = message.embeds
    return str(embed.description)


async def test_one_written_word(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(translate="t5")) as scene:
        shown = await evidence_of(scene, "translate", NAME, text=TEXT, to="de")
        whole = page_of(shown)
        assert "Proof: without “" in whole
        lines = whole.split("```")[3].splitlines()
        assert max(map(len, lines)) <= TABLE_WIDTH
        assert any(line.strip().endswith(f"by {word}") for word in TEXT.split() for line in lines)

        first = menu_of(shown)["options"][0]
        await choose(scene, scene.alice, shown, first["value"])
        word = first["label"].split("  ", 1)[1]
        said = page_of(shown)
        assert f"“{word}”" in said.replace("\\", "")
        assert "Only word " in said
        assert "The scores add up to" in said
        assert all(part in said for part in TEXT.split())
        [picture] = [one for one in shown.attachments if one.filename.endswith(".png")]
        assert f"“{word}”" in picture.description
        [chosen] = [one for one in menu_of(shown)["options"] if one.get("default")]
        assert chosen["value"] == first["value"]

        await choose(scene, scene.alice, shown, "all")
        assert page_of(shown) == whole
        assert not scene.env.errors


async def test_more_words_than_a_menu_has(
    open_scene: OpenScene, make_preset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 150)
    async with open_scene(make_preset(translate="t5")) as scene:
        shown = await evidence_of(scene, "translate", NAME, text=TEXT, to="de")
        found: list[str] = []
        while True:
            options = menu_of(shown)["options"]
            assert len(options) <= 25
            found += [one["value"] for one in options if one["value"].startswith("word:")]
            following = [one["value"] for one in options if "more words" in one["label"]]
            if not following:
                break
            await choose(scene, scene.alice, shown, following[0])
        assert len(found) == len(set(found)) > 25
        await choose(scene, scene.alice, shown, found[-1])
        assert [one["value"] for one in menu_of(shown)["options"] if one.get("default")] == [found[-1]]
        assert menu_of(shown)["options"][-1]["label"] == "… words before these"


async def test_after_a_restart_and_by_others(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(translate="t5")) as scene:
        asked = await scene.alice.slash(scene.channel, "inspect", text=f"{TEXT}\n{TEXT}", command="translate")
        pages = next(one for row in asked.response.components for one in row["components"] if "options" in one)
        names = [one["label"] for one in pages["options"] if NAME in one["label"]]
        assert [name.split(": ")[1] for name in names] == ["part 1", "part 2"]
        [number] = [one["value"] for one in pages["options"] if one["label"] == names[1]]
        await scene.alice.select(asked.response.message, [number], custom_id=pages["custom_id"])
        value = menu_of(asked.response)["options"][0]["value"]
        whole = page_of(asked.response)
        await scene.restart()

        told = await choose(scene, scene.bob, asked.response, value)
        assert told.ephemeral
        assert "Only word " in page_of(told.response)
        assert page_of(asked.response) == whole
        await choose(scene, scene.alice, asked.response, value)
        assert page_of(asked.response) == page_of(told.response)


async def test_of_messages(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(summarize="t5")) as scene:
        for said in ("Who likes apples?", "Apples are sour.", "And so are lemons."):
            await scene.alice.send(scene.channel, said)
        shown = await evidence_of(scene, "summarize", NAME, messages=3)

        assert "Exact Shapley values of the messages" in page_of(shown)
        [picture] = [one for one in shown.attachments if one.filename.endswith(".png")]
        assert "Which of 3 messages spoke for" in picture.description
        assert "alice: Apples are sour." in " ".join(page_of(shown).split())
        assert "Only word " in page_of((await choose(scene, scene.alice, shown, "word:0")).response)


async def test_nobody_chooses_who_may_not_read(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(summarize="t5")) as scene:
        for said in ("My secret is an apple.", "And a lemon."):
            await scene.alice.send(scene.channel, said)
        shown = await evidence_of(scene, "summarize", NAME, messages=2)
        before = page_of(shown)
        forbid_history(scene, scene.alice)

        told = await choose(scene, scene.alice, shown, "word:0")

        sentences = [str(one.content) for one in (told.response, *told.followups) if one is not None]
        assert "you may not read them, so I do not show them." in sentences[-1]
        assert page_of(shown) == before
