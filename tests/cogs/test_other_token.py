"""Another token under Show the work: the menus, who may use them, and the text that goes on from there."""

from __future__ import annotations

from typing import Any

import pytest
import simcord
from sqlalchemy import select

from bot.errors import RequestForgotten
from bot.replies import pending
from bot.replies.formatting.text import visible
from bot.replies.results.chat import STAYS
from bot.storage.tables import EXCHANGES
from bot.tasks.work.request import WorkRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.people import ABROAD, place_for, use
from tests.cogs.test_inspect import labels, menu, opened, page_id
from tests.support import unescape

PROMPT = "The capital of France is"
ASKED: dict[str, dict[str, Any]] = {
    "generate": {"prompt": PROMPT, "max_new_tokens": 6},
    "complete": {"code": "x = [", "language": "Python", "max_new_tokens": 6},
    "chat": {"message": PROMPT},
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of six tokens: the model ends none by itself, because a random one would do so at random."""
    monkeypatch.setattr(pending, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(pending, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 6)
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())


def menus(message: Any) -> list[dict[str, Any]]:
    return [one for row in message.components for one in row["components"] if "options" in one]


async def alternatives(scene: Scene, who: Any, shown: simcord.InteractionResult) -> None:
    """Turn to the page with the menus."""
    [page] = [one["value"] for one in menu(shown.response)["options"] if one["label"].endswith("Alternatives")]
    await who.select(shown.response.message, [page], custom_id=page_id(shown.response))


async def place_chosen(scene: Scene, who: Any, shown: simcord.InteractionResult, place: int) -> dict[str, Any]:
    """Choose a place; return the menu of its tokens."""
    _, places, _ = menus(shown.response)
    await who.select(shown.response.message, [str(place)], custom_id=places["custom_id"])
    return menus(shown.response)[2]


async def taken(who: Any, shown: simcord.InteractionResult, tokens: dict[str, Any], index: int = 1) -> Any:
    value = tokens["options"][index]["value"]
    return await who.select(shown.response.message, [value], custom_id=tokens["custom_id"])


def written(page: simcord.InteractionResult, place: int) -> str:
    """The token at a place, and its probability, as the page of alternatives says them."""
    lines = page.response.embeds[0].description.splitlines()
    [line] = [one for one in lines if f" {place}. " in f" {one}"]
    share, _, token = line.strip().partition("%")
    return f"{token.strip().removeprefix(f'{place}. ')}  {share.strip()}%"


@pytest.mark.parametrize("command", ASKED)
async def test_the_shown_probability_is_that_of_the_new_text(open_scene: OpenScene, command: str) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, command, **ASKED[command])
        await scene.restart()
        shown = await opened(scene, scene.bob, asked.response)
        await alternatives(scene, scene.bob, shown)
        await scene.restart()
        tokens = await place_chosen(scene, scene.bob, shown, 3)

        result = await taken(scene.bob, shown, tokens)

        assert shown.response.embeds[0].title.endswith("Alternatives")
        assert result.ephemeral
        assert "Goes on from token 3, “" in result.response.embeds[0].footer.text
        assert {"Show the work", "Share"} <= set(labels(result.response))
        branch = await opened(scene, scene.bob, result.response)
        await alternatives(scene, scene.bob, branch)
        assert written(branch, 3) == tokens["options"][1]["label"]
        assert written(branch, 2) == written(shown, 2)
        assert not scene.env.errors


async def test_the_most_uncertain_place_is_open_at_first(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, "generate", **ASKED["generate"])
        shown = await opened(scene, scene.alice, asked.response)
        assert len(menus(shown.response)) == 1
        await alternatives(scene, scene.alice, shown)

        _, places, tokens = menus(shown.response)

        bits = [float(one["description"].split()[0]) for one in places["options"]]
        assert bits == sorted(bits, reverse=True)
        assert [one.get("default", False) for one in places["options"]] == [True, *[False] * 5]
        assert len(tokens["options"]) == 5
        assert tokens["placeholder"].startswith(f"Instead of {places['options'][0]['value']}, ")


async def test_of_several_texts_the_one_on_the_page(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        options = ASKED["generate"] | {"num_return_sequences": 2, "temperature": 2.0}
        asked = await scene.alice.slash(scene.channel, "generate", **options)
        shown = await opened(scene, scene.alice, asked.response)
        pages = [one for one in menu(shown.response)["options"] if "Alternatives" in one["label"]]
        await scene.alice.select(shown.response.message, [pages[1]["value"]], custom_id=page_id(shown.response))
        second = written(shown, 1)

        result = await taken(scene.alice, shown, await place_chosen(scene, scene.alice, shown, 2))

        branch = await opened(scene, scene.alice, result.response)
        await alternatives(scene, scene.alice, branch)
        assert written(branch, 1) == second


async def test_under_a_text_that_was_written_to_be_explained(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        shown = await scene.alice.slash(scene.channel, "inspect", text=PROMPT, command="generate")
        await alternatives(scene, scene.alice, shown)

        _, places, tokens = menus(shown.response)
        result = await taken(scene.alice, shown, tokens)

        assert not result.ephemeral  # like the page
        place = int(places["options"][0]["value"])
        branch = await opened(scene, scene.alice, result.response)
        assert isinstance(request := await scene.store.find(page_id(branch.response).rsplit(":", 1)[-1]), WorkRequest)
        assert request.written[0][place - 1] == int(tokens["options"][1]["value"])


async def test_in_a_direct_message(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.ask("direct message", "generate", **ASKED["generate"])
        shown = await opened(scene, scene.alice, asked.response)
        await alternatives(scene, scene.alice.user, shown)

        result = await taken(scene.alice.user, shown, menus(shown.response)[2])

        assert not result.ephemeral  # nobody else reads it
        assert "Goes on from token" in result.response.embeds[0].footer.text


@pytest.mark.parametrize("place", ["group", ABROAD])
async def test_where_only_the_account_has_the_bot(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        channel = place_for(scene, scene.alice, place)
        asked = await use(scene, scene.alice, channel, "generate", **ASKED["generate"])
        shown = await opened(scene, scene.alice, asked.response)
        [page] = [one["value"] for one in menu(shown.response)["options"] if one["label"].endswith("Alternatives")]
        scene.choose(scene.alice, shown.response, page_id(shown.response), page)
        await scene.env.settle()
        _, places, _ = menus(shown.response)
        scene.choose(scene.alice, shown.response, places["custom_id"], "3")
        await scene.env.settle()
        tokens = menus(shown.response)[2]

        result = scene.choose(scene.alice, shown.response, tokens["custom_id"], tokens["options"][1]["value"])
        await scene.env.settle()

        assert result.ephemeral  # like the page
        assert "Goes on from token 3, “" in result.response.embeds[0].footer.text
        assert not scene.env.errors


async def test_places_beyond_a_menu(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        shown = await scene.alice.slash(scene.channel, "inspect", text=PROMPT, command="generate")
        await alternatives(scene, scene.alice, shown)
        [whole] = [one for one in await written_of(scene, shown) if one]
        seen: list[int] = []
        while True:
            _, places, tokens = menus(shown.response)
            options = places["options"]
            assert len(options) <= 25
            assert f"nstead of {seen[0] if seen else options[0]['value']}, " in tokens["placeholder"]  # it stays
            numbers = [int(one["value"]) for one in options if one["value"].isdecimal()]
            assert not {*numbers} & {*seen}
            seen += numbers
            later = [one for one in options if "more places" in one["label"]]
            if not later:
                break
            await scene.alice.select(shown.response.message, [later[0]["value"]], custom_id=places["custom_id"])
            await scene.restart()
        assert sorted(seen) == list(range(1, len(whole) + 1))
        assert len(seen) > 50

        last = await place_chosen(scene, scene.alice, shown, seen[-1])
        _, places, _ = menus(shown.response)
        assert f"nstead of {seen[-1]}, " in last["placeholder"]
        assert [one["value"] for one in places["options"] if one.get("default")] == [str(seen[-1])]
        [earlier] = [one for one in places["options"] if "before these" in one["label"]]
        await scene.alice.select(shown.response.message, [earlier["value"]], custom_id=places["custom_id"])
        _, places, tokens = menus(shown.response)
        assert {int(one["value"]) for one in places["options"] if one["value"].isdecimal()} == set(seen[23:46])
        assert tokens["options"] == last["options"]


async def written_of(scene: Scene, shown: simcord.InteractionResult) -> tuple[tuple[int, ...], ...]:
    """The token ids of the texts behind a page."""
    request = await scene.store.find(page_id(shown.response).rsplit(":", 1)[-1])
    assert isinstance(request, WorkRequest)
    return request.written


async def test_other_texts_have_no_such_menu(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(
            scene.channel, "translate", text="I love apples.", to="German", **{"from": "English"}
        )
        shown = await opened(scene, scene.alice, asked.response)
        await alternatives(scene, scene.alice, shown)
        assert len(menus(shown.response)) == 1


async def test_a_conversation_goes_on_with_the_answer_that_it_had(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, "chat", **ASKED["chat"])
        shown = await opened(scene, scene.alice, asked.response)
        await alternatives(scene, scene.alice, shown)
        result = await taken(scene.alice, shown, await place_chosen(scene, scene.alice, shown, 1))
        assert str(STAYS) in result.response.embeds[0].footer.text

        [exchange] = await scene.store.database.rows(select(EXCHANGES.c.answer))

        answered = asked.response.embeds[0].description.partition("\n\n")[2]
        assert visible(exchange.answer.rstrip("\ufffd")).strip() == unescape(answered).removesuffix("…").strip()


async def test_a_private_text_stays_private(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, "generate", **ASKED["generate"])
        shown = await opened(scene, scene.alice, asked.response)
        await alternatives(scene, scene.alice, shown)
        result = await taken(scene.alice, shown, menus(shown.response)[2])

        for label in ("Regenerate", "Continue"):
            again = await scene.alice.click(result.response.message, label=label)
            assert again.ephemeral
            assert "Share" in labels(again.response)


async def test_a_forged_choice_is_refused(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        asked = await scene.alice.slash(scene.channel, "generate", **ASKED["generate"])
        shown = await opened(scene, scene.alice, asked.response)
        await alternatives(scene, scene.alice, shown)
        tokens = menus(shown.response)[2]
        stored = scene.env.backend.get_message(shown.response.channel_id, shown.response.id)
        [found] = [one for row in stored.components for one in row["components"] if one == tokens]
        found["custom_id"] = found["custom_id"].replace("glassbox-tokens:0:", "glassbox-tokens:7:")

        refused = await taken(scene.alice, shown, found)

        assert refused.ephemeral
        assert refused.response.content == RequestForgotten().sentence
