"""The buttons and menus under messages: no two alike, whatever is offered."""

from __future__ import annotations

from collections import Counter
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.replies.components.attention_menus import AttentionMenus
from bot.replies.components.buttons import MOST_OPTIONS, STOP, Action, Button, view_of
from bot.replies.components.pages import Pages
from bot.replies.results.generate import CONTINUE, render
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads, Shown
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult

ROWS, IN_A_ROW = 5, 5
REQUEST = GenerateRequest("The capital of France is")

actions = st.sampled_from([STOP, CONTINUE, Action("one", "One"), Action("two", "Two")])
labels = st.sampled_from([None, "a", "b", "c"])
offers = st.lists(st.tuples(st.builds(Button, actions, st.just(REQUEST), labels), st.sampled_from("xyz")), max_size=40)
pages = st.builds(
    Pages,
    request=st.just(REQUEST),
    names=st.lists(st.text(max_size=300), min_size=1, max_size=60).map(tuple),
    current=st.integers(0, 70),
)


async def components(view: discord.ui.View | None) -> list[dict[str, Any]]:
    return [] if view is None else view.to_components()


def assert_taken_by_discord(rows: list[dict[str, Any]]) -> None:
    inside = [one for row in rows for one in row["components"]]
    assert max(Counter(one["custom_id"] for one in inside).values(), default=1) == 1
    assert all(len(one["custom_id"]) <= 100 for one in inside)
    assert len(rows) <= ROWS
    for row in rows:
        menus = [one for one in row["components"] if "options" in one]
        assert len(row["components"]) <= (1 if menus else IN_A_ROW)
        for menu in menus:
            values = [option["value"] for option in menu["options"]]
            assert 1 <= len(set(values)) == len(values) <= MOST_OPTIONS
            assert all(1 <= len(option["label"].strip()) <= 100 for option in menu["options"])


@given(offers, st.lists(pages, max_size=2), st.lists(st.sampled_from("xyz"), min_size=2, max_size=2))
async def test_whatever_is_offered(offered: list[tuple[Button, str]], turning: list[Pages], ids: list[str]) -> None:
    further = [item for one, identity in zip(turning, ids, strict=False) for item in one.items(identity)]
    assert_taken_by_discord(await components(view_of(dict(offered), further)))


@given(
    st.lists(st.sampled_from(Part), min_size=1, max_size=3, unique=True),
    st.integers(1, 200),
    st.integers(1, 200),
    # Masks have no menus, and those of a weight that is worked out are in test_attention_menus.
    st.sampled_from([one for one in Heads if one not in (Heads.MASKS, Heads.WORKED)]),
    st.data(),
)
async def test_menus_of_attention(parts: list[Part], layers: int, heads: int, kind: Heads, data: Any) -> None:
    head = data.draw(st.integers(1, heads)) if kind is Heads.ONE else None
    view = AttentionView(parts[0], data.draw(st.integers(1, layers)), kind, head)
    shown = Shown(None, view, tuple(parts), layers, heads)  # type: ignore[arg-type]
    menus = AttentionMenus(AttentionRequest("I love apples", "sentiment"), shown)

    assert_taken_by_discord(await components(view_of({Button(STOP, REQUEST): "y"}, menus.items("x"))))


async def test_equal_options_and_empty_menus() -> None:
    option = discord.SelectOption(label="a", value="1")
    menu: discord.ui.Select[Any] = discord.ui.Select(custom_id="m", options=[option, option])
    empty: discord.ui.Select[Any] = discord.ui.Select(custom_id="n", options=[])

    [row] = await components(view_of({}, [menu, empty]))
    assert_taken_by_discord([row])


async def test_what_has_no_room_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    many = {Button(Action("one", "One"), REQUEST, str(number)): str(number) for number in range(30)}

    rows = await components(view_of(many))
    assert sum(len(row["components"]) for row in rows) == ROWS * IN_A_ROW
    assert "there is no room for RequestButton" in caplog.text


@given(
    st.lists(st.tuples(st.sampled_from([" Paris", " Paris.", "", " …", "Rome"]), st.booleans()), min_size=1, max_size=4)
)
async def test_one_button_for_each_distinct_continuation(written: list[tuple[str, bool]]) -> None:
    """Item 17: `/generate` with four continuations of which several are equal."""
    request = GenerateRequest("The capital of France is", num_return_sequences=len(written))
    result = GenerateResult(
        request.prompt,
        tuple(Continuation(text, 1, finished) for text, finished in written),
        None,
        truncated=False,
    )

    reply = render(request, Answer(result, "tiny", "cpu", "float32", 0.1))

    going_on = [offer for offer in reply.buttons if offer.action is CONTINUE]
    assert len({offer.request for offer in going_on}) == len(going_on)
    assert len(going_on) == len({text for text, finished in written if not finished})
    ids = {offer: str(hash(offer.request)) for offer in reply.buttons}
    assert_taken_by_discord(await components(view_of(ids)))
