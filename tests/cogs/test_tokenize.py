"""`/tokenize` in a simulated Discord."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
import simcord

from tests.cogs.conftest import OpenScene, Scene

TEXT = "I love apples"
SEVERAL = "apples are sour.\nWe have promises to keep.\nGreat."


async def form(scene: Scene, who: Any, texts: str, **options: Any) -> simcord.InteractionResult:
    """Somebody leaves the texts out, and fills in the form."""
    shown = await who.slash(scene.channel, "tokenize", **options)
    result: simcord.InteractionResult = await who.submit_modal(shown, {"texts": texts})
    return result


@pytest.mark.parametrize("place", ["server", "direct message", "group"])
async def test_one_text_everywhere(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        result = await scene.ask(place, "tokenize", texts=TEXT)

        assert not result.ephemeral
        [embed] = result.response.embeds
        lines = embed.description.splitlines()
        assert lines[0].endswith("characters per token")
        assert lines[2].split() == ["#", "id", "mask", "token"]
        assert lines[3].split() == ["0", "2", "1", "[CLS]", "(special)"]
        assert any(line.split()[-1] == "love" for line in lines[3:])
        assert "this model reads 128 tokens at most" in embed.description
        [picture] = result.response.attachments
        assert picture.filename == "tokens.png"
        assert "as tokens" in picture.description
        assert embed.footer.text.startswith("tiny-distilbert · cpu float32")


async def test_the_form_takes_several(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, SEVERAL)

        description = result.response.embeds[0].description
        assert [number in description for number in ("**1.**", "**2.**", "**3.**", "**4.**")] == [True] * 3 + [False]
        assert "**\\[CLS]** apples are" in description
        assert "· " not in description
        masks = [line.split("`")[1].split() for line in description.splitlines() if line.startswith("mask ")]
        assert [len(mask) for mask in masks] == [len(masks[0])] * 3
        assert {value for mask in masks for value in mask} == {"0", "1"}
        assert "on the right with **\\[PAD]** (id 0), attention mask 0;" in description
        width = len(masks[0])
        assert f"of shape (3, {width})" in description


async def test_is_what_the_tokenizer_gives(open_scene: OpenScene, load: Any) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, SEVERAL, checkpoint="fill")

        head = await asyncio.to_thread(load, "roberta")
        direct = head.tokenizer(SEVERAL.splitlines(), padding=True, truncation=True)
        description = result.response.embeds[0].description
        for ids, mask in zip(direct["input_ids"], direct["attention_mask"], strict=True):
            assert f"ids `{' '.join(map(str, ids))}`\nmask `{' '.join(map(str, mask))}`" in description


async def test_what_is_too_long_is_attached(open_scene: OpenScene) -> None:
    text = "A rather long review of a course. " * 60
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "tokenize", texts=text)

        embed = result.response.embeds[0]
        assert "more cut off at the limit" in embed.description
        assert "… " in embed.description
        picture, file = result.response.attachments
        assert (picture.filename, file.filename) == ("tokens.png", "tokenize.txt")
        assert "input_ids       [2, " in (await file.read()).decode()


async def test_nothing_that_was_written_is_live(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, "@everyone **bold** ```code```\n||hidden|| `x`")

        description = result.response.embeds[0].description
        assert "@everyone" not in description
        assert "||" not in description
        assert "```" not in description
        assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())


async def test_both_readings_of_a_typed_token(open_scene: OpenScene, make_preset: Any) -> None:
    """Row B12: the typed token counts as text in both."""
    async with open_scene(make_preset(sentiment="llama")) as scene:
        result = await scene.alice.slash(scene.channel, "tokenize", texts="Hello <|endoftext|> world")

        description = result.response.embeds[0].description
        first, second = re.findall(r"(\d+) tokens, (\d+\.\d) characters per token", description)
        for number, characters in (first, second):
            assert float(characters) == round(len("Hello <|endoftext|> world") / int(number), 1)
        assert int(second[0]) < int(first[0])
        assert "**In a template**" in description
        assert "**\\<\\|endoftext\\|>**" in description.split("**In a template**")[1]
        assert "Special tokens tell a model where a message ends" in description
        [picture] = result.response.attachments
        assert picture.description.startswith("1 text as tokens. Text 1,")
        assert "In a template, " in picture.description


async def test_texts_without_typed_tokens_have_one_reading(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, SEVERAL)

        assert "In a template" not in result.response.embeds[0].description


@pytest.mark.parametrize("texts", ["[SEP]" * 500, "\n".join(["a [SEP] [MASK] b " * 18] * 12), "[SEP]\nplain\n[CLS] x"])
async def test_both_readings_within_the_limits(open_scene: OpenScene, texts: str) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, texts)

        embed = result.response.embeds[0]
        assert len(embed.description) <= 4_096
        assert "**In a template** the same characters would be other tokens:" in embed.description
        if "plain" in texts:
            after = embed.description.split("**In a template**")[1]
            assert ["**1.**" in after, "**2.**" in after, "**3.**" in after] == [True, False, True]
        else:
            [_, file] = result.response.attachments
            assert "In a template: " in (await file.read()).decode()


class TestCheckpoint:
    async def test_is_offered_by_name_and_by_command(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            everything = await scene.alice.autocomplete(scene.channel, "tokenize", "checkpoint", "")
            by_command = await scene.alice.autocomplete(scene.channel, "tokenize", "checkpoint", "/zero")
            by_name = await scene.alice.autocomplete(scene.channel, "tokenize", "checkpoint", "LLAMA")

            assert len(everything) == len(scene.worker.status().checkpoints)
            assert by_command == [{"name": "tiny-bart_mnli (/zeroshot)", "value": "tiny-bart_mnli"}]
            assert [choice["value"] for choice in by_name] == ["tiny-llama"]
            assert by_name[0]["name"].startswith("tiny-llama (/generate")

    async def test_those_that_are_loaded_come_first(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await scene.alice.slash(scene.channel, "tokenize", texts=TEXT, checkpoint="generate")
            await scene.heard()

            first, *_ = await scene.alice.autocomplete(scene.channel, "tokenize", "checkpoint", "")

            assert first["value"] == "tiny-llama"

    @pytest.mark.parametrize("chosen", ["generate", "/generate", "tiny-llama", "tiny-llama (/generate)"])
    async def test_is_taken(self, open_scene: OpenScene, make_preset: Any, chosen: str) -> None:
        async with open_scene(make_preset(sentiment="distilbert", generate="llama")) as scene:
            result = await scene.alice.slash(scene.channel, "tokenize", texts=TEXT, checkpoint=chosen)

            embed = result.response.embeds[0]
            assert embed.footer.text.startswith("tiny-llama")
            assert "This tokenizer has no token for it; id 0 stands in" in embed.description

    async def test_shared_by_several_commands(self, open_scene: OpenScene, make_preset: Any) -> None:
        async with open_scene(make_preset(fill="llama", generate="llama")) as scene:
            offered = await scene.alice.autocomplete(scene.channel, "tokenize", "checkpoint", "")
            result = await scene.alice.slash(scene.channel, "tokenize", texts=TEXT)

            assert offered == [{"name": "tiny-llama (/fill, /generate)", "value": "tiny-llama"}]
            assert result.response.embeds[0].footer.text.startswith("tiny-llama")

    async def test_that_nobody_knows(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "tokenize", texts=TEXT, checkpoint="gpt-5")

            told = scene.refusal(result)
            assert "I have no checkpoint of this name." in told
            assert "`tiny-roberta`" in told


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [("\u0007\n ", "There is no text."), ("a\n" * 13, "These are 13 texts, and I can show 12.")],
)
async def test_bad_input_in_the_form(open_scene: OpenScene, texts: str, sentence: str) -> None:
    async with open_scene() as scene:
        result = await form(scene, scene.alice, texts)

        assert result.ephemeral
        assert sentence in result.response.content


async def test_a_form_that_was_opened_before_a_restart(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        shown = await scene.alice.slash(scene.channel, "tokenize", checkpoint="fill")
        await scene.restart()

        result = await scene.alice.submit_modal(shown, {"texts": SEVERAL})

        assert result.response.embeds[0].footer.text.startswith("tiny-roberta")


async def test_two_people_with_forms_at_once(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        shown = [await who.slash(scene.channel, "tokenize") for who in (scene.alice, scene.bob)]

        second = await scene.bob.submit_modal(shown[1], {"texts": "love"})
        first = await scene.alice.submit_modal(shown[0], {"texts": "sour"})

        assert "love" in second.response.embeds[0].description
        assert "sour" in first.response.embeds[0].description
        assert not scene.bot._connection._view_store._modals
