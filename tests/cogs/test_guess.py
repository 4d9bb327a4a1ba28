"""`/guess`: the question says nothing of the answer, each person guesses once, and only they see the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import simcord
from sqlalchemy import func, select

from bot.replies.guessing import GIVE_UP, HOW
from bot.storage.guesses import Guesses
from bot.storage.tables import GUESSES, REQUESTS
from bot.tasks.guess import NO_CHOICE, ONE_BLANK, GuessRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.test_inspect import labels, opened
from tests.timers import PATIENCE

TEXT = "I love to hate this course"
ASKED: dict[str, dict[str, Any]] = {
    "sentiment": {"text": TEXT},
    "zeroshot": {"text": TEXT, "labels": "sports, school, food"},
    "fill": {"text": "The capital of France is ___."},
    "generate": {"text": "The capital of France is"},
    "complete": {"text": "x = ["},
}
NUMBERS = {"sentiment": 2, "zeroshot": 3, "fill": 4, "generate": 4, "complete": 4}


async def asked(scene: Scene, command: str = "sentiment") -> Any:
    result = await scene.alice.slash(scene.channel, "guess", command=command, **ASKED[command])
    assert result.response is not None
    return result


async def question(scene: Scene, message: Any) -> GuessRequest:
    """The request behind the buttons."""
    custom_id = message.components[0]["components"][0]["custom_id"]
    request = await scene.store.find(custom_id.rsplit(":", 1)[-1])
    assert isinstance(request, GuessRequest)
    return request


async def pressed(scene: Scene, who: Any, message: Any, label: str) -> Any:
    """Somebody guesses; return what only they see."""
    result = scene.press(who, message, label)
    await scene.env.settle()
    [told] = result.followups
    assert told.ephemeral
    return told


@pytest.mark.parametrize("command", ASKED)
async def test_right_and_wrong(open_scene: OpenScene, command: str) -> None:
    async with open_scene() as scene:
        result = await asked(scene, command)
        offered = labels(result.response)
        request = await question(scene, result.response)
        await scene.restart()

        assert not result.ephemeral
        assert len(offered) == NUMBERS[command] + 1
        assert offered[-1] == str(GIVE_UP)
        assert [one.label for one in request.options] == sorted(
            (one.label for one in request.options), key=str.casefold
        )
        [embed] = result.response.embeds
        assert str(HOW) in embed.description
        assert "%" not in embed.description
        right = offered[request.right]
        wrong = offered[0 if request.right else 1]

        first = await pressed(scene, scene.alice, result.response, right)
        second = await pressed(scene, scene.bob, result.response, wrong)

        assert first.embeds[0].title.startswith("Right, the model says: ")
        assert f"sure of “{right}”" in first.embeds[0].description.replace("\\", "")
        assert second.embeds[0].title.startswith("Not this time, the model says: ")
        assert f"You said “{wrong}”" in second.embeds[0].description.replace("\\", "")
        assert "2 people have guessed, 1 of them right." in result.response.embeds[0].description
        assert labels(result.response) == offered
        await scene.restart()
        work = await opened(scene, scene.bob, second)
        assert work.ephemeral
        assert work.response.embeds[0].author.name.startswith(f"/{command}")
        assert not scene.env.errors


async def test_show_the_work_has_the_number_of_the_guess(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await asked(scene, "generate")
        request = await question(scene, result.response)
        told = await pressed(scene, scene.alice, result.response, labels(result.response)[request.right])
        work = await opened(scene, scene.alice, told)
        [menu] = [one for row in work.response.components for one in row["components"] if "options" in one]
        [page] = [one["value"] for one in menu["options"] if one["label"].endswith("Written tokens")]
        await scene.alice.select(work.response.message, [page], custom_id=menu["custom_id"])

        share = f"{100 * request.options[request.right].probability:.1f}"
        assert share in told.embeds[0].description
        assert f"{share}%" in work.response.embeds[0].description


async def test_the_first_guess_counts(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await asked(scene)
        request = await question(scene, result.response)
        wrong, right = labels(result.response)[1 - request.right], labels(result.response)[request.right]
        await pressed(scene, scene.alice, result.response, wrong)

        again = await pressed(scene, scene.alice, result.response, right)

        assert again.embeds[0].title.startswith("Not this time")
        assert "You have guessed before, and that counts." in again.embeds[0].description
        assert "1 person has guessed, 0 of them right." in result.response.embeds[0].description


async def test_giving_up(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await asked(scene)
        request = await question(scene, result.response)

        told = await pressed(scene, scene.bob, result.response, str(GIVE_UP))
        late = await pressed(scene, scene.bob, result.response, labels(result.response)[request.right])

        assert told.embeds[0].title.startswith("The model says: ")
        assert "You said" not in told.embeds[0].description
        assert late.embeds[0].title.startswith("The model says: ")
        assert "Nobody has guessed yet. 1 gave up." in result.response.embeds[0].description


@pytest.mark.parametrize("place", ["direct message", "group"])
async def test_everywhere(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        result = await scene.ask(place, "guess", text=TEXT)
        told = await pressed(scene, scene.alice, result.response, labels(result.response)[0])
        assert "the model says" in told.embeds[0].title
        if place == "group":  # a friend there has not installed the bot
            await pressed(scene, scene.bob, result.response, str(GIVE_UP))
            assert "1 gave up." in result.response.embeds[0].description
        work = await opened(scene, scene.alice, told)
        assert work.response.embeds[0].author.name.startswith("/sentiment")


async def number_kept(scene: Scene) -> int:
    [(number,)] = await scene.store.database.rows(select(func.count()).select_from(GUESSES))
    return int(number)


async def test_guesses_at_the_same_moment(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edit for the first one is the last that reaches Discord, and it has everybody's guess all the same."""
    first_counted, may_go_on = asyncio.Event(), asyncio.Event()
    counts = Guesses.counts

    async def slow_at_first(guesses: Guesses, request_id: str) -> Any:
        found = await counts(guesses, request_id)
        if not first_counted.is_set():
            first_counted.set()
            await may_go_on.wait()
        return found

    monkeypatch.setattr(Guesses, "counts", slow_at_first)
    async with open_scene() as scene:
        result = await asked(scene)
        choices = labels(result.response)
        edits = len(scene.edits())
        scene.press(scene.alice, result.response, choices[0])
        await first_counted.wait()
        scene.press(scene.bob, result.response, choices[1])
        scene.press(scene.bob, result.response, choices[0])
        async with asyncio.timeout(PATIENCE):
            while await number_kept(scene) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        may_go_on.set()
        await scene.env.settle()

        assert "2 people have guessed, " in result.response.embeds[0].description
        assert len(scene.edits()) == edits + 2  # the first count, and one for all who waited


async def test_a_question_whose_embed_is_hidden(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await asked(scene)
        scene.env.backend.get_message(result.response.channel_id, result.response.id).embeds = []
        told = await pressed(scene, scene.alice, result.response, labels(result.response)[0])
        assert "the model says" in told.embeds[0].title
        assert not scene.env.errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "___ and ___ are words", "command": "fill"}, str(ONE_BLANK)),
        ({"text": "no blank", "command": "fill"}, "There is no mask in the text."),
    ],
)
async def test_refusals(open_scene: OpenScene, options: dict[str, Any], said: str) -> None:
    async with open_scene() as scene:
        result: simcord.InteractionResult = await scene.alice.slash(scene.channel, "guess", **options)
        assert said in scene.refusal(result)


async def test_nothing_to_choose_from(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.tasks.guess.MOST_LABELS", 1)
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "guess", text=TEXT)
        assert scene.failure(result) == str(NO_CHOICE)


async def test_guesses_go_with_their_question(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await asked(scene)
        await pressed(scene, scene.bob, result.response, str(GIVE_UP))
        kept = await number_kept(scene)
        await scene.store.database.run(REQUESTS.delete())
        assert (kept, await number_kept(scene)) == (1, 0)
