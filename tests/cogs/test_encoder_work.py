"""Show the work under `/entities` and `/similarity`: every page, whatever the texts are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import simcord

from bot.replies.formatting.text import units
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.test_inspect import labels, menu, opened, page_id

BEGINNING = ["Text", "Tokens", "Model", "Hidden states"]
TAGGED = [*BEGINNING, "Logits and softmax", "Labels of the tokens", "Words", "Entities", "Decision"]
ASKED = [*BEGINNING, "Answers", "Labels weighed", "Names", "Decision"]
COMPARED = [*BEGINNING, "Pooling", "Dot product", "Token pairs", "Cosines", "Decision"]
NAMED = "My name is Sylvain and I work at Hugging Face in Brooklyn."
AWKWARD = {
    "live": "@everyone Anna ```code``` **bold** ||hidden|| [a](http://b.c)",
    "right to left": "أنا Anna من برلين",
    "emoji": "Anna 👩\u200d👧 🇩🇪 in 東京!",
    "one letter": "a",
    "long": "Anna Lee met Tom in New York. " * 130,
    "lines": "\n\nAnna\n\n\nand Tom\n",
}


async def pages(shown: simcord.InteractionResult, who: Any) -> dict[str, Any]:
    """Each page's message, by its name; with all that is promised of every page."""
    found = {}
    for number, option in enumerate(menu(shown.response)["options"][1:]):  # behind the map
        name = option["label"].split("  ")[1]
        await who.select(shown.response.message, [str(number)], custom_id=page_id(shown.response))
        [embed] = shown.response.embeds
        assert embed.title == f"{number + 1}. {name}"
        assert units(embed.description) <= 4096
        parts = embed.description.split("```")
        assert len(parts) % 2 == 1  # each code block that is opened is closed
        assert "@everyone" not in "".join(parts[0::2])
        found[name] = (embed.description, {one.filename: one for one in shown.response.attachments})
    return found


async def answered_and_opened(scene: Scene, command: str, **options: Any) -> simcord.InteractionResult:
    result = await scene.alice.slash(scene.channel, command, **options)
    assert labels(result.response) == ["Show the work"]
    await scene.restart()
    shown = await opened(scene, scene.bob, result.response)
    assert shown.ephemeral
    return shown


@pytest.mark.parametrize(("checkpoint", "names"), [("bert_ner", TAGGED), ("roberta_ner", TAGGED), ("llama", ASKED)])
async def test_every_page_under_entities(
    open_scene: OpenScene, make_preset: Any, checkpoint: str, names: list[str]
) -> None:
    async with open_scene(make_preset(entities=checkpoint)) as scene:
        found = await pages(await answered_and_opened(scene, "entities", text=NAMED), scene.bob)

        assert list(found) == names
        pictures = {name: files["work.png"] for name, (_, files) in found.items() if "work.png" in files}
        assert {"Tokens", "Hidden states", names[5]} <= set(pictures)
        for picture in pictures.values():
            assert (await picture.read()).startswith(b"\x89PNG")
            assert len(picture.description) > 20
        assert not scene.env.errors


async def test_the_work_has_the_percentages_of_the_answer(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "entities", text=NAMED)
        found = await pages(await opened(scene, scene.bob, result.response), scene.bob)

        shares = [
            part.split("%")[0].split("\u00a0")[-2]
            for part in result.response.embeds[0].description.splitlines()
            if "%" in part
        ]
        assert shares
        assert all(f"{share}%" in found["Entities"][0] for share in shares)


@pytest.mark.measured_elsewhere
@pytest.mark.parametrize("checkpoint", ["bert_ner", "llama"])
@pytest.mark.parametrize("name", AWKWARD)
async def test_any_text_under_entities(open_scene: OpenScene, make_preset: Any, checkpoint: str, name: str) -> None:
    async with open_scene(make_preset(entities=checkpoint)) as scene:
        found = await pages(await answered_and_opened(scene, "entities", text=AWKWARD[name]), scene.bob)

        expected = TAGGED if checkpoint == "bert_ner" else ["Text", "Decision"] if name == "one letter" else ASKED
        assert list(found) == expected
        if name == "long" and checkpoint == "bert_ner":
            file = (await found["Labels of the tokens"][1]["work.txt"].read()).decode()
            assert AWKWARD["long"].strip() in file
            assert file.count("[CLS] (special)") >= 3  # the tokens, their labels, all logits
        assert not scene.env.errors


@pytest.mark.parametrize(
    "options",
    [
        {"first": "A cat sleeps.", "second": "A dog sleeps."},
        {"first": "A cat sleeps.", "second": "A dog sleeps. | It rains. | أنا"},
        {"first": "A cat sleeps. | A dog sleeps. |  | It rains. | @everyone ```hi``` 👩\u200d👧"},
        {"first": " | ".join(f"text number {place}" for place in range(12))},
        {"first": "I love apples. " * 130, "second": "Pears. " * 280},
    ],
    ids=["pair", "ranked", "all", "twelve", "long"],
)
async def test_every_page_under_similarity(open_scene: OpenScene, options: dict[str, str]) -> None:
    async with open_scene() as scene:
        found = await pages(await answered_and_opened(scene, "similarity", **options), scene.bob)

        assert list(found) == COMPARED
        for name in ("Pooling", "Token pairs", "Cosines"):
            picture = found[name][1]["work.png"]
            assert (await picture.read()).startswith(b"\x89PNG")
            assert len(picture.description) > 20
        assert not scene.env.errors


async def test_the_work_has_the_cosines_of_the_answer(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "similarity", first="A cat sleeps.", second="A dog sleeps.")
        found = await pages(await opened(scene, scene.bob, result.response), scene.bob)

        shown = result.response.embeds[0].title.removeprefix("Cosine similarity ")
        [worked_out] = [line for line in found["Cosines"][0].splitlines() if line.endswith("1 and 2")]
        proof = re.search(
            r"all pairs add up to (\S+), and the cosine of the answer is (\S+)\.", found["Token pairs"][0]
        )
        assert proof is not None
        assert proof[1] == proof[2]
        assert f"{float(proof[1].replace('−', '-')):.2f}".replace("-", "−") == shown
        assert f"{float(worked_out.split()[0].replace('−', '-')):.2f}".replace("-", "−") == shown


async def test_forty_texts_are_refused_before_there_is_any_work(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "similarity", first="|".join(map(str, range(40))))

        assert "I found 40 texts, and I can compare 2 to 12 different ones." in scene.refusal(result)
