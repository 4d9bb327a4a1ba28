"""Requests that cannot be answered get a sentence that only the asking person sees."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.cogs.conftest import OpenScene

LETTER = "secretword"

CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "empty": ("sentiment", {"text": ""}, "The text is empty."),
    "white space": ("sentiment", {"text": " \n\t\u3000"}, "The text is empty."),
    "zero width": ("sentiment", {"text": "\u200b\u2060\ufeff"}, "The text is empty."),
    "control characters": ("generate", {"prompt": "\x00\x07\x1b"}, "The prompt is empty."),
    "only overrides": ("fill", {"text": "\u202e\u202d"}, "The text is empty."),
    "only emoji": ("sentiment", {"text": "😀👍🏽"}, "There are no words in the text."),
    "only punctuation": ("generate", {"prompt": "``` *** ---"}, "There are no words in the prompt."),
    "too long": ("sentiment", {"text": f"{LETTER} " * 400}, "and I can read 4,000 at most. Please shorten it."),
    "one long word": ("zeroshot", {"text": LETTER * 500, "labels": "a, b"}, "The text has 5,000 characters"),
    "too long to translate": ("translate", {"text": LETTER * 401, "to": "de"}, "and I can read 4,000 at most"),
    "no mask": ("fill", {"text": LETTER}, "There is no mask in the text. Write `___`"),
    "too many masks": ("fill", {"text": f"{LETTER} ___ " * 6}, "There are 6 masks in the text"),
    "nothing but masks": ("fill", {"text": "___ [MASK]"}, "There is nothing but masks in the text."),
    "top_k 0": ("fill", {"text": f"{LETTER} ___", "top_k": 0}, "`top_k` must be from 1 to 10, and not 0."),
    "temperature 0": ("generate", {"prompt": LETTER, "temperature": 0.0}, "`temperature` must be from 0.05 to 2"),
    "top_p 0": ("generate", {"prompt": LETTER, "top_p": 0.0}, "`top_p` must be from 0.01 to 1, and not 0."),
    "no tokens": ("generate", {"prompt": LETTER, "max_new_tokens": 0}, "`max_new_tokens` must be from 1 to 512"),
    "five sequences": ("generate", {"prompt": LETTER, "num_return_sequences": 5}, "must be from 1 to 4, and not 5."),
    "negative seed": ("generate", {"prompt": LETTER, "seed": -1}, "`seed` must be from 0 to"),
    "one label": ("zeroshot", {"text": LETTER, "labels": "sports"}, "I found one label, and I need 2 to 20"),
    "forty labels": ("zeroshot", {"text": LETTER, "labels": ",".join(map(str, range(40)))}, "I found 40 labels"),
    "empty labels": ("zeroshot", {"text": LETTER, "labels": " , ,\n"}, "I found no label"),
    "invisible labels": ("zeroshot", {"text": LETTER, "labels": "sports,\u200b,\u202e"}, "I found one label"),
    "identical labels": ("zeroshot", {"text": LETTER, "labels": "Sports, sports,sports"}, "I found one label"),
    "long label": ("zeroshot", {"text": LETTER, "labels": "a" * 81 + ",b"}, "The label has 81 characters"),
    "unknown language": ("translate", {"text": LETTER, "to": "Blablaish"}, "I know no language called"),
    "no language": ("translate", {"text": LETTER, "to": " \u200b"}, "I need the name of a language."),
    "markdown for a language": (
        "translate",
        {"text": LETTER, "to": "**x** [a](https://b.c)"},
        "I know no language called “x ahttpsb.c”.",
    ),
    "nothing to summarize": ("summarize", {}, "Give me one thing to summarise"),
    "two things to summarize": ("summarize", {"text": LETTER, "messages": 5}, "Give me one thing to summarise"),
    "one message": ("summarize", {"messages": 1}, "`messages` must be from 2 to 100, and not 1."),
    "no code": ("complete", {"code": "\u200b \n"}, "There is no code."),
    "unknown programming language": ("complete", {"code": LETTER, "language": "Bla"}, "no programming language called"),
    "no programming language": (
        "complete",
        {"code": LETTER, "language": "```"},
        "I know no such language.",
    ),
    "temperature of code": ("complete", {"code": LETTER, "temperature": 2.5}, "`temperature` must be from 0 to 2"),
    "tokens of code": ("complete", {"code": LETTER, "max_new_tokens": 0}, "`max_new_tokens` must be from 1 to 512"),
    "empty message": ("chat", {"message": " "}, "The message is empty."),
    "temperature of a chat": ("chat", {"message": LETTER, "temperature": -1.0}, "`temperature` must be from 0 to 2"),
    "same language": ("translate", {"text": LETTER, "to": "English", "from": "en"}, "Both languages are English."),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_sentence_and_nothing_else(open_scene: OpenScene, case: str, caplog: pytest.LogCaptureFixture) -> None:
    command, options, sentence = CASES[case]
    caplog.set_level(logging.DEBUG)
    async with open_scene() as scene:
        caplog.clear()

        result = await scene.alice.slash(scene.channel, command, **options)

        assert result.response is not None
        assert sentence in scene.refusal(result)
    assert [message for name, _, message in caplog.record_tuples if name.startswith("bot")] == [
        f"/{command} was not answered: InvalidRequest"
    ]
    assert LETTER not in caplog.text


async def test_a_pair_that_the_checkpoint_does_not_know(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="marian")) as scene:
        await scene.alice.slash(scene.channel, "translate", text="apples", to="de")

        result = await scene.alice.slash(scene.channel, "translate", text="apples", to="fr")

        told = scene.refusal(result)
        assert "does not translate English into French" in told
        assert "it can do: German." in told


@pytest.mark.parametrize(
    "text",
    ["@everyone", "**bold** ```py\ncode```", "أحب هذه الدورة", "a\u202eb\u200bc", "|| spoiler ||", "a" * 4_000],
)
async def test_odd_texts_are_answered(open_scene: OpenScene, text: str) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "sentiment", text=text)

        assert result.response is not None
        assert result.response.embeds
        assert not result.ephemeral
