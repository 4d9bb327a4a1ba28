"""`/entities`, driven through Discord; that it answers everywhere is tested with the other commands."""

from __future__ import annotations

from typing import Any

from bot.replies.results.entities import GUESSED, NONE
from tests.cogs.conftest import OpenScene


async def test_on_a_language_model_it_says_that_it_guesses(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(entities="llama")) as scene:
        result = await scene.alice.slash(scene.channel, "entities", text="nobody is here")

        [embed] = result.response.embeds
        assert str(NONE) in embed.description
        assert str(GUESSED) in embed.footer.text


async def test_a_checkpoint_that_cannot(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(entities="minilm")) as scene:
        result = await scene.alice.slash(scene.channel, "entities", text="Anna sings")

        told = scene.failure(result)
        assert "set for /entities is a sentence encoder" in told
        assert "ENTITIES_CHECKPOINT" in told
