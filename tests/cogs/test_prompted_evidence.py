"""Which words mattered, on a causal language model, in a simulated Discord."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cogs.conftest import OpenScene, Scene
from tests.tasks.work.support import watch_attributions

TEXT = "The train was late, and the coffee was cold."
NAME = "Which words mattered"


async def evidence_of(scene: Scene, command: str, **options: str) -> Any:
    """The page of an answer's work, opened."""
    answered = await scene.alice.slash(scene.channel, command, **options)
    shown = scene.press(scene.alice, answered.response, "Show the work")
    await scene.env.settle()
    [menu] = [one for row in shown.response.components for one in row["components"] if "options" in one]
    [page] = [one["value"] for one in menu["options"] if NAME in one["label"]]
    await scene.alice.select(shown.response.message, [page], custom_id=menu["custom_id"])
    return shown.response


async def test_of_labels(open_scene: OpenScene, make_preset: Callable[..., Any]) -> None:
    async with open_scene(make_preset(zeroshot="llama")) as scene:
        shown = await evidence_of(scene, "zeroshot", text=TEXT, labels="politics, **sports**, coffee")

        [embed] = shown.embeds
        assert embed.title.endswith(f". {NAME}")
        assert "What is explained: log p(" in embed.description
        assert "the second best label stands for all others" in embed.description
        assert "The scores add up to" in embed.description
        assert "**sports" not in embed.description
        [picture] = shown.attachments
        assert "spoke for" in picture.description


async def test_of_long_texts(
    open_scene: OpenScene, make_preset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = watch_attributions(monkeypatch)
    async with open_scene(make_preset(sentiment="llama")) as scene:
        shown = await evidence_of(scene, "sentiment", text=TEXT * 12)

        [embed] = shown.embeds
        assert NAME in embed.title
        assert "This text is too long for scores." in embed.description
        assert "up to 128 tokens are read for scores" in embed.description
        assert "Computing" not in embed.description
        assert not shown.attachments
        assert not taken
        assert not scene.env.errors
