from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bot.inference.heads.inspection.attention_weights import Part
from bot.replies.components.attention_menus import AttentionMenus, around, changed
from bot.replies.components.buttons import MOST_OPTIONS
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads, Shown

REQUEST = AttentionRequest("I love apples.")
PARTS = (Part.ENCODER, Part.DECODER, Part.CROSS)
IDENTITY = "abcdefghijklmnop"


def menus(view: AttentionView, layers: int, heads: int) -> dict[str, Any]:
    shown = Shown(np.ones((1, 1), dtype=np.float32), view, PARTS, layers, heads)
    return {item.fields["what"]: item for item in AttentionMenus(REQUEST, shown).items(IDENTITY)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("layer", [1, 2, 30, 79, 80])
def test_of_a_large_model(layer: int) -> None:
    found = menus(AttentionView(Part.DECODER, layer, Heads.ONE, 64), 80, 64)
    assert list(found) == ["part", "layer", "head"]
    for menu in found.values():
        options = menu.item.options
        assert len({option.value for option in options}) == len(options) <= MOST_OPTIONS
        assert len([option for option in options if option.default]) == 1
        assert len(menu.item.custom_id) <= 100
    labels = [option.label for option in found["layer"].item.options]
    assert labels[0] == "Layer 1 of 80"
    assert labels[-1] == "Layer 80 of 80"
    assert f"Layer {layer} of 80" in labels


@pytest.mark.parametrize("count", [1, 2, 24, 25, 26, 27, 100])
def test_every_number_can_be_reached(count: int) -> None:
    reached, new = {1}, {1}
    while new:
        new = {other for one in new for other in around(one, count)} - reached
        reached |= new
    assert reached == set(range(1, count + 1))
    for current in range(1, count + 1):
        numbers = around(current, count)
        assert current in numbers
        assert numbers == sorted(set(numbers))
        assert len(numbers) == min(count, MOST_OPTIONS)


def test_turns() -> None:
    view = AttentionView(Part.ENCODER, 3, Heads.ONE, 2)
    assert changed(view, "layer", "5") == AttentionView(Part.ENCODER, 5, Heads.ONE, 2)
    assert changed(view, "head", "7") == AttentionView(Part.ENCODER, 3, Heads.ONE, 7)
    assert changed(view, "head", "average") == AttentionView(Part.ENCODER, 3)
    worked = changed(view, "pair", "2-7-4")
    assert worked == AttentionView(Part.ENCODER, 3, Heads.WORKED, 2, 7, 4)
    assert changed(worked, "layer", "5") == AttentionView(Part.ENCODER, 5, Heads.WORKED, 2, 7, 4)
    assert changed(worked, "head", "all") == AttentionView(Part.ENCODER, 3, Heads.ALL)
    assert changed(worked, "head", "1") == AttentionView(Part.ENCODER, 3, Heads.ONE, 1)
    rolled = changed(view, "head", "rollout")
    assert rolled == AttentionView(Part.ENCODER, 3, Heads.ROLLOUT)
    assert changed(rolled, "part", "decoder") == AttentionView(Part.DECODER, None, Heads.ROLLOUT)
    assert changed(rolled, "part", "cross") == AttentionView(Part.CROSS)
