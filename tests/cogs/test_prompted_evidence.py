"""Which words mattered, on a causal language model, in a simulated Discord."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.tasks.work import word_evidence
from tests.cogs.conftest import OpenScene, Scene
from tests.support import unescape

TEXT = "The train was late, and the coffee was cold."
NAME = "Which words mattered"


PAIRS = "Word pairs"


async def evidence_of(scene: Scene, command: str, name: str = NAME, **options: Any) -> Any:
    """A page of an answer's work, opened."""
    answered = await scene.alice.slash(scene.channel, command, **options)
    shown = scene.press(scene.alice, answered.response, "Show the work")
    await scene.env.settle()
    [menu] = [one for row in shown.response.components for one in row["components"] if "options" in one]
    [page] = [one["value"] for one in menu["options"] if name in one["label"]]
    await scene.alice.select(shown.response.message, [page], custom_id=menu["custom_id"])
    return shown.response


async def test_of_labels(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(zeroshot="llama")) as scene:
        shown = await evidence_of(scene, "zeroshot", text=TEXT, labels="politics, **sports**, coffee")

        [embed] = shown.embeds
        assert embed.title.endswith(f". {NAME}")
        assert "What is explained: the log-odds of " in embed.description
        assert "The scores add up to" in embed.description
        assert "Ask this command about the rest to see it yourself:" in embed.description
        assert "**sports" not in embed.description
        [picture] = shown.attachments
        assert "spoke for" in picture.description


async def test_of_pairs(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(sentiment="llama")) as scene:
        shown = await evidence_of(scene, "sentiment", PAIRS, text="It is not good")

        [embed] = shown.embeds
        assert embed.title.endswith(f". {PAIRS}")
        assert "” × “" in embed.description
        assert "The scores add up to" in embed.description
        [picture] = shown.attachments
        assert "“not” × “good”" in picture.description


async def test_of_long_texts(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(sentiment="llama")) as scene:
        shown = await evidence_of(scene, "sentiment", text=TEXT * 12)

        [embed] = shown.embeds
        assert NAME in embed.title
        assert "The scores add up to" in embed.description
        assert "Computing" not in embed.description
        assert shown.attachments
        assert not scene.env.errors


async def test_a_first_picture_comes_before_the_closer_one(
    open_scene: OpenScene, make_preset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_evidence, "FIRST_READ", 1)
    async with open_scene(make_preset(sentiment="llama")) as scene:
        before = len(scene.edits())
        await evidence_of(scene, "sentiment", text="It was not good")

        told = [edit["embeds"][0]["description"] for edit in scene.edits()[before:] if "embeds" in edit]
        *_, first, last = [one for one in told if "The scores add up to" in one]
        assert first != last
        assert "Exact Shapley values of the words" in last


async def test_of_what_was_written(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(generate="llama")) as scene:
        shown = await evidence_of(
            scene, "generate", "Which words made it write this", prompt="The capital of France", max_new_tokens=8
        )

        [embed] = shown.embeds
        assert "Proof: without “" in embed.description
        assert "The scores add up to" in embed.description
        [picture] = [one for one in shown.attachments if one.filename.endswith(".png")]
        assert "spoke for what was written" in picture.description


FLIP = "What would flip it"


async def test_of_what_would_flip_it(open_scene: OpenScene, asked: list[Any]) -> None:
    text = "What a terrible day, and the coffee was cold!"
    async with open_scene() as scene:
        shown = await evidence_of(scene, "sentiment", FLIP, text=text)

        [embed] = shown.embeds
        own = "POSITIVE"
        new = re.search(r"the answer is (\w+) with (\S+%), and no longer POSITIVE with (\S+%)\.", embed.description)
        assert new is not None
        [quote] = [line.removeprefix("> ") for line in embed.description.splitlines() if line.startswith("> ")]
        again = await scene.alice.slash(scene.channel, "sentiment", text=unescape(quote))
        said = again.response.embeds[0].description.replace("\u00a0", "")
        assert new[1] != own
        assert new[2] in said.replace(" ", "")
        assert "Tried: all 9 texts without one word. " in embed.description
        assert "that this bot's /fill finds likely in its place (for 9 words). " in embed.description
        [picture] = [one for one in shown.attachments if one.filename.endswith(".png")]
        assert f"How likely {own} is after each change: " in picture.description
        # A look at deletions came first; then words were asked of /fill, and tried.
        looks = [(one.finer, bool(one.exchanges)) for one in asked if getattr(one, "flip", False)]
        assert looks == [(False, False), (True, True)]
        before = len(asked)
        await scene.alice.click(shown.message, label="Back")
        await scene.alice.click(shown.message, label=f"Next: {FLIP}")
        assert shown.embeds[0].description == embed.description
        assert [type(one).__name__ for one in asked[before:]] == ["WorkRequest", "WorkRequest"]


async def test_without_a_model_for_other_words(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(sentiment="distilbert")) as scene:
        shown = await evidence_of(scene, "sentiment", FLIP, text="The coffee was cold")

        [embed] = shown.embeds
        assert (
            "No word was exchanged for another, because no model of /fill could be asked in time." in embed.description
        )
        assert "Tried: all 4 texts without one word. " in embed.description
        assert not scene.env.errors
