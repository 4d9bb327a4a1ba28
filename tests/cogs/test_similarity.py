"""`/similarity`, driven through Discord; that it answers everywhere is tested with the other commands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cogs.conftest import OpenScene


async def test_several_texts_have_a_picture(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(
            scene.channel, "similarity", first="A cat sleeps. | A dog sleeps. | It rains. | a CAT sleeps!"
        )

        assert result.response is not None
        [embed] = result.response.embeds
        assert embed.title == "4 texts"
        assert embed.description.startswith("`1` A cat sleeps.\n`2` A dog sleeps.\n")
        [picture] = result.response.attachments
        assert picture.filename == "similarity.png"
        assert (await picture.read()).startswith(b"\x89PNG")
        assert picture.description.startswith("Cosine similarity. Cosine similarities of 4 texts with each other.")


async def test_two_texts_have_none(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "similarity", first="A cat | sleeps.", second="A dog sleeps.")

        [embed] = result.response.embeds
        assert embed.title.startswith("Cosine similarity ")
        assert embed.description.startswith("> A cat \\| sleeps.\n\n> A dog sleeps.\n\n`")
        assert not result.response.attachments


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"first": "one text"}, "I found one text, and I can compare 2 to 12 different ones."),
        ({"first": "same", "second": " | \u200b"}, "I found one text"),
        ({"first": "a", "second": "|".join(map(str, range(20)))}, "I found 21 texts"),
        ({"first": "a", "second": "😀"}, "There are no words in the text."),
    ],
)
async def test_bad_texts(open_scene: OpenScene, options: dict[str, Any], sentence: str) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "similarity", **options)

        assert sentence in scene.refusal(result)


async def test_a_language_model_is_refused(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(similarity="llama")) as scene:
        result = await scene.alice.slash(scene.channel, "similarity", first="a", second="b")

        assert "needs a sentence encoder" in scene.failure(result)
