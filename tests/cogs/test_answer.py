"""`/answer`, driven through Discord; that it answers everywhere is tested with the other commands."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.replies.attachments import MOST_BYTES
from bot.replies.results.answer import GUESSED
from tests.cogs.conftest import OpenScene

CONTEXT = "I work at Hugging Face in Brooklyn."
QUESTION = "Where do I work?"


@pytest.mark.parametrize("content", [CONTEXT.encode(), b"\xef\xbb\xbf" + CONTEXT.encode(), CONTEXT.encode() + b"\r\n"])
@pytest.mark.parametrize("place", ["server", "direct message"])
async def test_a_file_is_read(open_scene: OpenScene, content: bytes, place: str) -> None:
    async with open_scene() as scene:
        written = await scene.alice.slash(scene.channel, "answer", question=QUESTION, context=CONTEXT)
        file = ("notes.txt", content)
        if place == "server":
            result = await scene.alice.slash(scene.channel, "answer", question=QUESTION, file=file)
        else:
            result = await scene.alice.user.slash("answer", question=QUESTION, file=file)

        assert result.response.embeds[0].description == written.response.embeds[0].description
        assert not result.ephemeral


async def test_a_long_file_is_read_to_its_end(open_scene: OpenScene) -> None:
    text = "The train was late, and the coffee was cold. " * 120
    async with open_scene() as scene:
        result = await scene.alice.slash(
            scene.channel, "answer", question="What is sour?", file=("t.txt", text.encode())
        )

        [embed] = result.response.embeds
        assert "was not read" not in embed.footer.text
        [whole] = result.response.attachments
        assert whole.filename == "answer.txt"
        assert text.strip() in (await whole.read()).decode()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Give me a text to look in: either write it as `context`, or attach it as `file`."),
        ({"context": CONTEXT, "file": ("a.txt", b"a")}, "either write it as `context`"),
        ({"context": "😀"}, "There are no words in the context."),
        ({"file": ("a.txt", b"")}, "The context is empty."),
        ({"file": ("a.png", b"\x89PNG\r\n\x1a\n\xff")}, "The file isn't plain UTF-8 text."),
        ({"file": ("a.txt", b"a" * (MOST_BYTES + 1))}, "The file has 100,001 bytes, and I can read 100,000 at most."),
        ({"file": ("a.txt", b"a " * 15_000)}, "The context has 29,999 characters, and I can read 20,000 at most."),
    ],
)
async def test_bad_contexts(open_scene: OpenScene, options: dict[str, Any], sentence: str) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "answer", question=QUESTION, **options)

        assert sentence in scene.refusal(result)


async def test_a_file_that_cannot_be_downloaded(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(self: discord.Attachment, **_: Any) -> bytes:
        raise OSError("somebody's address")

    monkeypatch.setattr(discord.Attachment, "read", unreachable)
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "answer", question=QUESTION, file=("a.txt", b"a"))

        assert scene.refusal(result) == ("The file could not be downloaded from Discord. Please try again in a moment.")


async def test_on_a_language_model_it_says_that_it_guesses(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(answer="llama")) as scene:
        result = await scene.alice.slash(scene.channel, "answer", question=QUESTION, context=CONTEXT)

        [embed] = result.response.embeds
        assert embed.description.startswith(f"**{QUESTION}**\n> ")
        assert str(GUESSED) in embed.footer.text
