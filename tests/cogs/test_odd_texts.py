"""What people type, as the simulated Discord shows it: odd characters, long texts, pasted code."""

from __future__ import annotations

from typing import Any

import pytest

from bot.replies.formatting.text import units
from tests.cogs.conftest import OpenScene
from tests.support import COURSE

pytestmark = pytest.mark.measured_elsewhere

SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
UNREAD = "The end of the text exceeds this model's context and was not read."


async def test_a_flag_is_shown_as_it_was_written(open_scene: OpenScene) -> None:
    """Row H8."""
    text = f"I love {SCOTLAND} so much"
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "sentiment", text=text)
        assert result.response.embeds[0].description.startswith(f"> {text}\n")


async def test_both_forms_of_a_text_have_one_answer(open_scene: OpenScene) -> None:
    """Row H1; the second one is remembered."""
    async with open_scene() as scene:
        shown = [
            (await scene.alice.slash(scene.channel, "sentiment", text=text)).response.embeds[0]
            for text in ("C'était génial, j'ai adoré.", "C'e\u0301tait ge\u0301nial, j'ai adore\u0301.")
        ]
        assert shown[0].description == shown[1].description
        assert scene.worker.status().rows == 1


async def test_the_same_text_twice(open_scene: OpenScene) -> None:
    """Row I5."""
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "similarity", first="A cat sleeps.", second="A cat sleeps.")
        assert result.response.embeds[0].title == "Cosine similarity 1.00"


async def test_labels_in_quotation_marks(open_scene: OpenScene) -> None:
    """Row I1."""
    async with open_scene() as scene:
        result = await scene.alice.slash(
            scene.channel, "zeroshot", text="The shirt is red, white and blue.", labels='"red, white and blue", black'
        )
        [_, bars] = result.response.embeds[0].description.split("\n\n")
        assert sorted(line.rpartition("` ")[2].strip("*") for line in bars.split("\n")) == [
            "black",
            "red, white and blue",
        ]


@pytest.mark.parametrize(
    ("pasted", "code"), [("```py def fib(n): ```", "def fib(n):"), ("Go on:\n```py\ndef fib(n):\n```", "def fib(n):")]
)
async def test_pasted_code(open_scene: OpenScene, pasted: str, code: str) -> None:
    """Row I7."""
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "complete", code=pasted, max_new_tokens=4)
        [embed] = result.response.embeds
        assert embed.description.startswith(f"```py\n{code}\n```\n")
        assert " · Python · " in embed.footer.text


LONG = "I love apples, and I hate this course. " * 66
"""2,574 characters, and more than the tiny encoders' context."""


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("sentiment", {"text": LONG}),
        ("fill", {"text": f"I ___ it. {LONG}"}),
        ("zeroshot", {"text": LONG, "labels": "sports, politics"}),
        ("entities", {"text": LONG}),
        ("translate", {"text": LONG[:1_490], "to": "German"}),
    ],
)
async def test_a_text_that_is_longer_than_the_context(
    open_scene: OpenScene, command: str, options: dict[str, Any]
) -> None:
    """Row K9."""
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, command, **options)
        assert UNREAD in result.response.embeds[0].footer.text


ODD = {
    "emoji": "😀🇩🇪👍🏽❤️",
    "families": "👩\u200d👩\u200d👧\u200d👦",
    "accents": "a\u0301\u0323\u0308\u0342",
    "marks": "*_a_* ",
    "everyone": "@everyone ",
    "right to left": "\u202eأحب \u200f",
}


def options_of(command: str, text: str) -> dict[str, Any]:
    """A command's options with this text wherever one is typed."""
    own: dict[str, dict[str, Any]] = {
        "fill": {"text": f"___ {text}"},
        "generate": {"prompt": text, "max_new_tokens": 8},
        "translate": {"text": text[:600], "to": "German"},  # each sentence of which is decoded
        "zeroshot": {"text": text, "labels": f"{text[:40]}; sports"},
        "similarity": {"first": text[:1_900], "second": f"{text[:1_000]} | x {text[:1_000]}"},
        "answer": {"question": text[:200], "context": text},
        "summarize": {"text": text[:1_000]},  # of which a part is shown, so more would only take time
        "complete": {"code": text, "max_new_tokens": 8},
        "chat": {"message": text[:1_900]},
    }
    return own.get(command, {"text": text})


@pytest.mark.parametrize("command", COURSE)
async def test_nothing_is_too_long_or_pings(open_scene: OpenScene, command: str) -> None:
    """Row K10: each odd text of 4,000 characters is answered within Discord's limits, or refused with a sentence."""
    async with open_scene() as scene:
        for piece in ODD.values():
            text = (piece * 4_000)[:4_000]
            result = await scene.alice.slash(scene.channel, command, **options_of(command, text))
            told = result.response or result.followups[0]
            if not told.embeds:
                assert told.ephemeral
                assert told.content.endswith((".", "`"))
                scene.env.errors.clear()
                continue
            [embed] = told.embeds
            fields = [part for field in embed.fields for part in (field.name, field.value)]
            parts = [embed.title, embed.description, embed.footer.text, *fields]
            assert units(embed.title or "") <= 256
            assert units(embed.description or "") <= 4_096
            assert all(units(field.value) <= 1_024 for field in embed.fields)
            assert sum(units(part or "") for part in parts) <= 6_000
        assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())
