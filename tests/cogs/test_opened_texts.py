"""Show the work under `/answer` and `/summarize`, in a simulated Discord: every page, whatever the texts are."""

from __future__ import annotations

from typing import Any

import pytest

from bot.replies import pending
from bot.replies.formatting.text import units
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.test_inspect import answered, labels, menu, opened, page_id
from tests.cogs.test_summarize import forbid

ODD = "@everyone **bold** ```code``` ||hidden|| 😀 شكرا، التفاح حامض. Apples are sour."
LONG = " ".join(f"Apples are sour, and lemons are sourer, says number {number}." for number in range(105))[:6_000]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    lengths = dict.fromkeys(["short", "medium", "long"], 12)  # random models never end a text by themselves
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", lengths)


async def pages_of(scene: Scene, result: Any) -> dict[str, str]:
    """Somebody else presses the button, and reads all pages: title → text. None exceeds a limit, none is live."""
    assert labels(result.response)[-1] == "Show the work"
    shown = await opened(scene, scene.bob, result.response)
    assert shown.ephemeral
    found: dict[str, str] = {}
    while True:
        [embed] = shown.response.embeds
        assert embed.title not in found
        found[embed.title] = embed.description
        assert units(embed.description) <= 4096
        outside = "".join(embed.description.split("```")[0::2])
        assert "@everyone" not in outside
        assert "**bold" not in outside
        assert embed.description.count("```") % 2 == 0
        following = [one for one in labels(shown.response) if one.startswith("Next: ")]
        if not following:
            break
        await scene.bob.click(shown.response.message, label=following[0])
    names = [option["label"].split("  ", 1)[1] for option in menu(shown.response)["options"]]
    assert [title.split(". ", 1)[1] for title in found][-len(names) :] == names[-len(found) :]
    assert not scene.env.errors
    return found


def names_of(pages: dict[str, str]) -> list[str]:
    return [title.split(". ", 1)[1] for title in pages]


def page(pages: dict[str, str], name: str) -> str:
    [found] = [text for title, text in pages.items() if title.split(". ", 1)[1] == name]
    return found


POINTED = ["Text", "Tokens", "Model", "Hidden states", "Start logits", "End logits", "Start × end"]
WRITTEN = ["Written tokens", "Alternatives", "The least likely token"]


def layers_and_decision(name: str, words: int = 2) -> list[str]:
    """BART's layers end with a normalisation, so they have no shares of their own; a single word has no page."""
    additions = f"What each layer {'changes' if name == 'bart' else 'adds'}"
    why = ["Which words made it write this"] if words > 1 else []
    return ["Layer by layer", additions, *why, "Decision"]


class TestAnswer:
    async def test_every_page(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            context = "I work at Hugging Face in Brooklyn."
            result = await answered(scene, "answer", question="Where do I work?", context=context)
            pages = await pages_of(scene, result)

            assert names_of(pages) == [*POINTED, "Decision"]
            bars = [line for line in result.response.embeds[0].description.splitlines() if "%" in line]
            shares = [line.split("%")[0].split("\u00a0")[-2] for line in bars]
            assert f"{shares[0]}%" in page(pages, "Decision").replace("\u00a0", "")
            assert all(f"{share}%" in page(pages, "Start × end") for share in shares[:1])

    async def test_a_long_context(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene, "answer", question="Who says so?", context=LONG)
            pages = await pages_of(scene, result)

            assert names_of(pages) == [*POINTED, "Windows", "Decision"]
            shown = await opened(scene, scene.alice, result.response)
            [file] = [one for one in shown.response.attachments if one.filename == "work.txt"]
            text = (await file.read()).decode()
            assert LONG in text
            assert "Windows" in text

    async def test_odd_texts(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene, "answer", question="هل التفاح @everyone ```حامض```؟", context=ODD)
            pages = await pages_of(scene, result)

            assert names_of(pages) == [*POINTED, "Decision"]

    @pytest.mark.parametrize("context", [ODD, LONG], ids=["odd", "long"])
    async def test_of_a_language_model(self, open_scene: OpenScene, make_preset: Any, context: str) -> None:
        async with open_scene(make_preset(answer="llama")) as scene:
            result = await answered(scene, "answer", question="What is sour?", context=context)
            pages = await pages_of(scene, result)

            assert names_of(pages)[:5] == ["Text", "Tokens", "Model", "Hidden states", "Written tokens"]
            assert names_of(pages)[-3:] == ["In the context", "Answer weighed", "Decision"]

    async def test_works_after_a_restart(self, open_scene: OpenScene, make_preset: Any) -> None:
        async with open_scene(make_preset(answer="llama")) as scene:
            result = await answered(scene, "answer", question="What is sour?", context=ODD)
            before = await pages_of(scene, result)
            await scene.restart()

            assert await pages_of(scene, result) == before


class TestSummarize:
    @pytest.mark.parametrize("name", ["bart", "t5", "llama"])
    async def test_odd_texts(self, open_scene: OpenScene, make_preset: Any, name: str) -> None:
        async with open_scene(make_preset(summarize=name)) as scene:
            result = await answered(scene, "summarize", text=ODD)
            pages = await pages_of(scene, result)

            states = ["Hidden states"] if name == "llama" else ["Hidden states: encoder", "Hidden states: decoder"]
            assert names_of(pages) == ["Text", "Tokens", "Model", *states, *WRITTEN, *layers_and_decision(name)]

    @pytest.mark.parametrize("name", ["bart", "t5", "llama"])
    async def test_a_long_text(self, open_scene: OpenScene, make_preset: Any, name: str) -> None:
        async with open_scene(make_preset(summarize=name)) as scene:
            result = await answered(scene, "summarize", text=LONG)
            pages = await pages_of(scene, result)

            assert "parts, whose summaries were summarised." in result.response.embeds[0].footer.text
            assert "Round 2: " in page(pages, "Parts")
            last = [*WRITTEN, *layers_and_decision(name, 1 if name == "bart" else 2)]  # BART repeats one letter
            assert names_of(pages)[-len(last) :] == last
            shown = await opened(scene, scene.alice, result.response)
            [file] = [one for one in shown.response.attachments if one.filename == "work.txt"]
            assert "number 104." in (await file.read()).decode()

    async def test_messages(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            await scene.alice.send(scene.channel, "Who likes apples? @everyone ```x```")
            await scene.bob.send(scene.channel, "**bold** 😀 شكرا")
            result = await answered(scene, "summarize", messages=2)
            pages = await pages_of(scene, result)

            assert "The text is a line for each message, behind its writer's name." in page(pages, "Text")
            assert "> alice: Who likes apples?" in page(pages, "Text")

    async def test_messages_are_not_shown_to_people_who_may_not_read_them(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            forbid(scene, scene.bob)
            await scene.alice.send(scene.channel, "My secret is an apple.")
            await scene.alice.send(scene.channel, "And a lemon.")
            result = await answered(scene, "summarize", messages=2)

            shown = scene.press(scene.bob, result.response, "Show the work")
            await scene.env.settle()

            assert shown.ephemeral
            assert "you may not read them, so I do not show them." in str(shown.response.content)
            assert not shown.response.embeds
            allowed = await opened(scene, scene.alice, result.response)
            assert allowed.response.embeds

    async def test_is_not_written_again(self, open_scene: OpenScene, make_preset: Any, monkeypatch: Any) -> None:
        async with open_scene(make_preset(summarize="llama")) as scene:
            result = await answered(scene, "summarize", text=LONG)
            asked: list[Any] = []
            submit = scene.worker.submit

            def spy(request: Any, **options: Any) -> Any:
                asked.append(request)
                return submit(request, **options)

            monkeypatch.setattr(scene.worker, "submit", spy)

            await opened(scene, scene.alice, result.response)

            request, _ = asked  # the map, and the page behind it
            assert len(request.written) > 2
            assert all(request.written)

    async def test_can_be_inspected(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "inspect", text=ODD, command="summarize")
            shown = await opened(scene, scene.alice, (await answered(scene, "summarize", text=ODD)).response)

            for one in (result, shown):
                last = str(len(menu(one.response)["options"]) - 2)  # without the map
                await scene.alice.select(one.response.message, [last], custom_id=page_id(one.response))
            assert result.response.embeds[0].description == shown.response.embeds[0].description
