"""Show the work, in a simulated Discord: the button, its pages, and `/inspect`."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import Any

import pytest
import simcord
from sqlalchemy import delete

from bot.errors import RequestForgotten
from bot.inference.task import HeadKind, Implementation
from bot.replies import pending
from bot.storage.tables import REQUESTS
from bot.tasks import sentiment
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from cogs.inspect import inspectable
from tests.cogs.conftest import OpenScene, Scene
from tests.support import device_held, unescape
from tests.tasks.work.support import watch_attributions

TEXT = "I love to hate this course"
MAP = "0. The way of the request"
STEPS = ["Text", "Tokens", "Model", "Hidden states", "Logits and softmax"]


def labels(message: Any) -> list[str]:
    return [one["label"] for row in message.components for one in row["components"] if "label" in one]


def menu(message: Any) -> dict[str, Any]:
    """The menu of pages."""
    menus = [one for row in message.components for one in row["components"] if "options" in one]
    [found] = [one for one in menus if one["custom_id"].startswith("glassbox-pages:")]
    return dict(found)


def page_id(message: Any) -> str:
    return str(menu(message)["custom_id"])


async def answered(scene: Scene, command: str = "sentiment", **options: Any) -> Any:
    result = await scene.alice.slash(scene.channel, command, **(options or {"text": TEXT}))
    assert result.response is not None
    return result


async def opened(scene: Scene, who: Any, message: Any) -> simcord.InteractionResult:
    result = scene.press(who, message, "Show the work")
    await scene.env.settle()
    assert result.response is not None
    [following] = [one for one in labels(result.response) if one.startswith("Next: Text")]
    scene.press(who, result.response, following)  # behind the map
    await scene.env.settle()
    return result


class TestButton:
    async def test_opens_the_work_for_who_presses_and_nobody_else(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene)

            shown = await opened(scene, scene.bob, result.response)

            assert labels(result.response) == ["Show the work"]
            assert shown.ephemeral
            [embed] = shown.response.embeds
            assert embed.title == "1. Text"
            assert embed.author.name == f"/sentiment {TEXT}"
            assert "tiny-distilbert · cpu float32" in embed.footer.text
            names = [option["label"].split("  ")[1] for option in menu(shown.response)["options"]]
            assert names[:6] == [MAP.split(". ")[1], *STEPS]
            assert names[-1] == "Decision"

    async def test_a_chosen_page_takes_the_place_of_the_other(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)

            turned = await scene.alice.select(shown.response.message, ["4"], custom_id=page_id(shown.response))

            assert turned.response.id == shown.response.id
            [embed] = shown.response.embeds
            assert embed.title == "5. Logits and softmax"
            assert "POSITIVE" in embed.description
            assert [option["value"] for option in menu(shown.response)["options"] if option.get("default")] == ["4"]

    async def test_the_numbers_are_those_of_the_answer(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene)
            shown = await opened(scene, scene.alice, result.response)

            await scene.alice.select(shown.response.message, ["4"], custom_id=page_id(shown.response))

            percentages = [
                word.replace("\u00a0", "")
                for line in result.response.embeds[0].description.splitlines()
                if "%" in line
                for word in [line.split("%")[0].split("\u00a0")[-2] + "%"]
            ]
            assert len(percentages) == 2
            assert all(one in shown.response.embeds[0].description for one in percentages)

    async def test_pictures_have_a_description(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)

            for page, said in ((1, "tokens"), (3, "Length (L2 norm)"), (4, "Probabilities: ")):
                await scene.alice.select(shown.response.message, [str(page)], custom_id=page_id(shown.response))

                [picture] = shown.response.attachments
                assert picture.filename == "work.png"
                assert said in picture.description
                assert (await picture.read()).startswith(b"\x89PNG")
                assert shown.response.embeds[0].image.url

    async def test_back_and_next(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            assert labels(shown.response)[-1:] == ["Next: Tokens"]

            await scene.alice.click(shown.response.message, label="Next: Tokens")
            assert shown.response.embeds[0].title == "2. Tokens"
            await scene.alice.click(shown.response.message, label="Back")

            assert shown.response.embeds[0].title == "1. Text"
            assert not shown.response.attachments

    async def test_works_after_a_restart(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene)
            await scene.restart()
            shown = await opened(scene, scene.alice, result.response)
            await scene.restart()

            await scene.alice.select(shown.response.message, ["2"], custom_id=page_id(shown.response))
            await scene.alice.click(shown.response.message, label="Next: Hidden states")

            assert shown.response.embeds[0].title == "4. Hidden states"

    async def test_two_people_at_once(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene)

            pressed = [scene.press(who, result.response, "Show the work") for who in (scene.alice, scene.bob)]
            await scene.env.settle()

            assert pressed[0].response.id != pressed[1].response.id
            assert all(one.ephemeral and one.response.embeds[0].title == MAP for one in pressed)

    async def test_works_in_direct_messages_and_groups(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            direct = await scene.alice.user.slash("sentiment", text=TEXT)
            group = await scene.ask_in_group("sentiment", text=TEXT)

            for result in (direct, group):
                shown = scene.press(scene.alice, result.response, "Show the work")
                await scene.env.settle()
                assert shown.ephemeral
                assert shown.response.embeds[0].title == MAP

    async def test_of_a_request_that_is_forgotten(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await answered(scene)
            shown = await opened(scene, scene.alice, result.response)
            await scene.store.database.run(delete(REQUESTS))

            again = scene.press(scene.alice, result.response, "Show the work")
            await scene.env.settle()
            turned = await scene.alice.select(shown.response.message, ["2"], custom_id=page_id(shown.response))

            assert again.ephemeral
            assert again.response.content == RequestForgotten().sentence
            assert turned.response.content == RequestForgotten().sentence
            assert shown.response.embeds[0].title == "1. Text"

    async def test_a_page_is_turned_without_another_entry_in_the_store(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            identity = page_id(shown.response)

            await scene.alice.select(shown.response.message, ["3"], custom_id=identity)

            assert page_id(shown.response) == identity

    async def test_pages_are_computed_once(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            batches = scene.worker.status().batches

            await scene.alice.select(shown.response.message, ["3"], custom_id=page_id(shown.response))

            assert scene.worker.status().batches == batches

    async def test_leaves_nothing_behind_in_the_client(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            await scene.alice.select(shown.response.message, ["3"], custom_id=page_id(shown.response))

            views = scene.bot._connection._view_store
            assert not views._views
            assert not views._synced_message_views

    async def test_without_its_picture_a_page_has_its_numbers(
        self, open_scene: OpenScene, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            scene.bot.studio.close()

            await scene.alice.select(shown.response.message, ["1"], custom_id=page_id(shown.response))

            assert shown.response.embeds[0].title == "2. Tokens"
            assert "a picture cannot be drawn: RuntimeError" in caplog.text

    async def test_what_cannot_be_opened_leaves_a_sentence_and_nothing_else(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_scene() as scene:
            result = await answered(scene)
            monkeypatch.setattr("bot.tasks.work.explanations.EXPLANATIONS", {"sentiment": {}})

            pressed = scene.press(scene.alice, result.response, "Show the work")
            await scene.env.settle()

            assert pressed.response is None
            [told] = pressed.followups
            assert told.ephemeral
            assert "I cannot show the work of /sentiment on this kind of checkpoint" in told.content
            assert result.response.embeds

    async def test_says_how_far_the_checkpoint_is(self, open_scene: OpenScene, loading: threading.Event) -> None:
        async with open_scene() as scene:
            result = scene.invoke(scene.alice, "inspect", text=TEXT)
            await scene.until(lambda: result.response is not None and result.response.content)

            assert "Loading tiny-distilbert" in result.response.content
            loading.set()
            await scene.env.settle()
            assert result.response.embeds[0].title == MAP
            assert not result.response.content

    async def test_what_somebody_wrote_is_not_live(self, open_scene: OpenScene) -> None:
        text = "@everyone **bold** ```code``` ||hidden||"
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene, text=text)).response)
            description = shown.response.embeds[0].description

            await scene.alice.select(shown.response.message, ["1"], custom_id=page_id(shown.response))

            assert "@everyone" not in description
            assert "**bold" not in description
            assert shown.response.embeds[0].description.count("```") == 2
            assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())


EVIDENCE = "5"
"""The page "Which words mattered" of a classifier's work."""


class TestWhichWordsMattered:
    async def test_is_computed_when_its_page_is_opened(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = watch_attributions(monkeypatch)
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            names = [option["label"] for option in menu(shown.response)["options"]]
            await scene.alice.select(shown.response.message, ["4"], custom_id=page_id(shown.response))
            assert not taken

            await scene.alice.click(shown.response.message, label="Next: Which words mattered")

            [embed] = shown.response.embeds
            assert taken
            assert embed.title == "6. Which words mattered"
            assert "The scores add up to" in embed.description
            [picture] = shown.response.attachments
            assert "spoke for" in picture.description
            assert [option["label"] for option in menu(shown.response)["options"]] == names

    async def test_says_first_that_it_is_being_computed(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            identity = page_id(shown.response)
            before = len(scene.edits())

            await scene.alice.select(shown.response.message, [EVIDENCE], custom_id=identity)

            first, last = (edit["embeds"][0]["description"] for edit in scene.edits()[before:])
            assert "Computing" in first
            assert "Computing" not in last
            assert page_id(shown.response) == identity  # nothing new is kept

    async def test_is_computed_once(self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = watch_attributions(monkeypatch)
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            await scene.alice.select(shown.response.message, [EVIDENCE], custom_id=page_id(shown.response))
            computed, batches = len(taken), scene.worker.status().batches
            await scene.alice.select(shown.response.message, ["7"], custom_id=page_id(shown.response))
            assert shown.response.embeds[0].title == "8. Layer by layer"
            before = len(scene.edits())

            await scene.alice.select(shown.response.message, [EVIDENCE], custom_id=page_id(shown.response))

            [edit] = scene.edits()[before:]  # it is known to be there, so nothing stands in for it
            assert "The scores add up to" in edit["embeds"][0]["description"]
            assert (len(taken), scene.worker.status().batches) == (computed, batches)

    async def test_works_after_a_restart(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            await scene.alice.select(shown.response.message, [EVIDENCE], custom_id=page_id(shown.response))
            scores = shown.response.embeds[0].description
            await scene.restart()
            await scene.alice.click(shown.response.message, label="Back")
            assert shown.response.embeds[0].title == "5. Logits and softmax"
            await scene.restart()

            await scene.alice.click(shown.response.message, label="Next: Which words mattered")

            assert shown.response.embeds[0].description == scores
            assert shown.response.attachments

    async def test_whoever_turns_on_does_not_wait_for_it(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = watch_attributions(monkeypatch)
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            await scene.alice.select(shown.response.message, ["4"], custom_id=page_id(shown.response))
            async with device_held(scene.worker):
                waiting = scene.press(scene.alice, shown.response, "Next: Which words mattered")
                await scene.until(lambda: "Computing" in shown.response.embeds[0].description)
                scene.press(scene.alice, shown.response, "Back")
                await scene.until(lambda: shown.response.embeds[0].title == "5. Logits and softmax")
            await scene.env.settle()

            assert shown.response.embeds[0].title == "5. Logits and softmax"
            assert not taken
            assert not waiting.followups
            assert not scene.env.errors

    async def test_a_failure_leaves_the_other_pages(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr("bot.tasks.work.word_evidence.weighed", fail)
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)

            turned = await scene.alice.select(shown.response.message, [EVIDENCE], custom_id=page_id(shown.response))
            assert "turn to another page and come back" in shown.response.embeds[0].description
            await scene.alice.click(shown.response.message, label="Back")

            [told] = turned.followups
            assert told.ephemeral
            assert "secret" not in told.content
            assert shown.response.embeds[0].title == "5. Logits and softmax"

    async def test_who_did_not_ask_gets_a_copy(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "inspect", text=TEXT)

            turned = await scene.bob.select(result.response.message, [EVIDENCE], custom_id=page_id(result.response))

            assert turned.ephemeral
            assert "The scores add up to" in turned.response.embeds[0].description
            assert result.response.embeds[0].title == MAP


class TestRounding:
    async def test_the_decision_says_what_the_answer_said(
        self, open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = sentiment.classify

        def shared(head: Any, request: SentimentRequest) -> Any:
            """As if others' texts in the batch had moved the logits."""
            result = yield from original(head, request)
            best, *others = result.scores
            return replace(result, scores=(replace(best, probability=best.probability + 0.01), *others))

        monkeypatch.setitem(sentiment.TASK.implementations, HeadKind.SEQUENCE_CLASSIFIER, Implementation(shared))
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)

            await scene.alice.select(shown.response.message, ["10"], custom_id=page_id(shown.response))

            assert "it was computed in one batch with other people" in shown.response.embeds[0].description

    async def test_the_decision_says_nothing_where_they_are_equal(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)

            await scene.alice.select(shown.response.message, ["10"], custom_id=page_id(shown.response))

            assert shown.response.embeds[0].title == "11. Decision"
            assert "The answer said" not in shown.response.embeds[0].description


COMMANDS: dict[str, dict[str, Any]] = {
    "sentiment": {"text": TEXT},
    "fill": {"text": "The capital of France is ___.", "top_k": 2},
    "zeroshot": {"text": "This movie was so inspiring!", "labels": "sports, politics, entertainment"},
    "generate": {"prompt": "Once", "max_new_tokens": 6},
    "translate": {"text": "I love apples.", "to": "German"},
    "entities": {"text": "My name is Sylvain and I work in Brooklyn."},
    "similarity": {"first": "A cat sleeps.", "second": "A dog sleeps. | It rains."},
    "answer": {"question": "Where do I work?", "context": "I work at Hugging Face in Brooklyn."},
    "summarize": {"text": "I love apples. We have promises to keep."},
    "complete": {"code": "def f(x):", "max_new_tokens": 6},
    "chat": {"message": "Hello"},
}


@pytest.mark.measured_elsewhere
@pytest.mark.parametrize("command", COMMANDS)
async def test_every_page_of_every_command(
    open_scene: OpenScene, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    async with open_scene() as scene:
        result = await answered(scene, command, **COMMANDS[command])
        assert labels(result.response)[-1] == "Show the work"
        shown = await opened(scene, scene.bob, result.response)
        pages = len(menu(shown.response)["options"]) - 1  # without the map
        assert pages >= 5

        for page in range(pages):
            await scene.bob.select(shown.response.message, [str(page)], custom_id=page_id(shown.response))

            [embed] = shown.response.embeds
            assert embed.title.startswith(f"{page + 1}. ")
            assert len(embed.description) > 30
        assert not scene.env.errors


async def test_other_peoples_pages_are_not_turned(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "inspect", text=TEXT)

        turned = await scene.bob.select(result.response.message, ["1"], custom_id=page_id(result.response))
        own = await scene.bob.click(turned.response.message, label="Next: Model")

        assert turned.ephemeral
        assert turned.response.id != result.response.id
        assert own.response.id == turned.response.id
        assert turned.response.embeds[0].title == "3. Model"
        assert result.response.embeds[0].title == MAP


class TestInspect:
    @pytest.mark.parametrize("place", ["server", "direct message", "group"])
    async def test_everywhere(self, open_scene: OpenScene, place: str) -> None:
        async with open_scene() as scene:
            result = await scene.ask(place, "inspect", text=TEXT)

            assert not result.ephemeral
            assert result.response.embeds[0].title == MAP
            assert "Show the work" not in labels(result.response)

    async def test_is_the_work_of_the_answer(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            inspected = await scene.alice.slash(scene.channel, "inspect", text=TEXT)

            for page in "14":
                for one in (shown, inspected):
                    await scene.alice.select(one.response.message, [page], custom_id=page_id(one.response))
                assert inspected.response.embeds[0].description == shown.response.embeds[0].description

    async def test_every_command_that_can_be_chosen(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            [registered] = [one for one in scene.env.backend.commands[None].values() if one["name"] == "inspect"]
            [option] = [one for one in registered["options"] if one["name"] == "command"]
            chosen = [choice["value"] for choice in option["choices"]]

            assert chosen == list(inspectable())
            for command in chosen:
                if command not in COMMANDS:  # the tiny preset has no checkpoint for it
                    continue
                text = "The sky is ___." if command == "fill" else TEXT
                result = await scene.alice.slash(scene.channel, "inspect", text=text, command=command)
                assert result.response.embeds[0].author.name.startswith(f"/{command} ")

    async def test_with_labels(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(
                scene.channel, "inspect", text=TEXT, command="zeroshot", labels="school, food"
            )

            identity = page_id(result.response).rsplit(":", 1)[-1]
            request: Any = await scene.store.find(identity)
            assert isinstance(request, WorkRequest)
            assert request.about.labels == ("school", "food")  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"text": " "}, "The text is empty."),
            ({"text": TEXT, "command": "fill"}, "There is no mask in the text."),
            ({"text": TEXT, "command": "zeroshot", "labels": "one"}, "I found one label"),
        ],
    )
    async def test_bad_input(self, open_scene: OpenScene, options: dict[str, Any], sentence: str) -> None:
        async with open_scene() as scene:
            result = await scene.alice.slash(scene.channel, "inspect", **options)

            assert sentence in scene.refusal(result)


class TestMap:
    async def test_has_the_numbers_of_the_request(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            async with device_held(scene.worker):
                asked = [
                    scene.invoke(who, "sentiment", text=TEXT + end)
                    for who, end in ((scene.alice, ""), (scene.bob, "!"))
                ]
                await scene.until(lambda: scene.worker.status().rows_waiting == len(asked))
            await scene.env.settle()
            shown = scene.press(scene.alice, asked[0].response, "Show the work")
            await scene.env.settle()

            [embed] = shown.response.embeds
            assert embed.title == MAP
            [picture] = shown.response.attachments
            names = {option["value"]: option["label"].split("  ")[1] for option in menu(shown.response)["options"]}
            said = dict(
                re.findall(r"^([^:→\n]+)(?::[^→\n]*)? → page (\d+)$", unescape(embed.description), re.MULTILINE)
            )
            assert len(said) >= len(STEPS)
            assert all(names[str(int(page) - 1)] == name for name, page in said.items())
            assert all(f"(page {page})" in picture.description for page in said.values())
            assert f"Text: {len(TEXT)} characters" in embed.description
            assert re.search(r"waited \S+ m?s; 2 rows in the largest pass", embed.description.replace("\u00a0", " "))
            share = re.findall(r"([\d.]+)%", asked[0].response.embeds[0].description.replace("\u00a0", ""))[0]
            assert f"Decision: NEGATIVE {share}%" in embed.description
            [tokens] = re.findall(r"Tokens: (\d+) tokens in", embed.description)
            [layers] = re.findall(r"Model: encoder, (\d+) layers", embed.description)

            await scene.alice.select(shown.response.message, ["1"], custom_id=page_id(shown.response))
            assert f"shape (1, {tokens})" in shown.response.embeds[0].description
            await scene.alice.click(shown.response.message, label="Next: Model")
            assert re.search(rf"layers +{layers}\n", shown.response.embeds[0].description)
            await scene.alice.select(shown.response.message, ["map"], custom_id=page_id(shown.response))
            assert shown.response.embeds[0].title == MAP


class TestTemperatures:
    async def test_the_same_logits_are_drawn_again(self, open_scene: OpenScene) -> None:
        async with open_scene() as scene:
            shown = await opened(scene, scene.alice, (await answered(scene)).response)
            await scene.alice.select(shown.response.message, ["4"], custom_id=page_id(shown.response))
            batches = scene.worker.status().batches
            menus = [one for row in shown.response.components for one in row["components"] if "options" in one]
            names = [option["label"] for option in menus[1]["options"]]
            assert names == ["As it is", *(f"Temperature {value}" for value in ("0.2", "0.7", "1", "1.5"))]

            await scene.alice.select(shown.response.message, ["0"], custom_id=menus[1]["custom_id"])

            [embed] = shown.response.embeds
            assert embed.title == "5. Logits and softmax"
            assert "each divided by 0.2 before softmax" in embed.description
            [picture] = shown.response.attachments
            assert picture.description.startswith("Probabilities: temperature 0.2: ")
            assert scene.worker.status().batches == batches
            [chosen] = [
                one["label"]
                for row in shown.response.components
                for menu in row["components"]
                if "variant" in menu.get("custom_id", "")
                for one in menu["options"]
                if one.get("default")
            ]
            assert chosen == "Temperature 0.2"

            await scene.alice.select(shown.response.message, ["page"], custom_id=menus[1]["custom_id"])
            assert "each divided by" not in shown.response.embeds[0].description
            await scene.alice.click(shown.response.message, label="Back")
            assert shown.response.embeds[0].title == "4. Hidden states"
