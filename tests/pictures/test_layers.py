"""Pictures of layers."""

from __future__ import annotations

import pytest

from bot.pictures.layers import LayerGuess, layer_shares, layer_strip
from bot.pictures.palette import ACCENT, SECOND
from tests.pictures.support import count, decoded

GUESSES = [
    LayerGuess(" is", 1.0, 0.0),
    LayerGuess(" the", 0.5, 0.2),
    LayerGuess(" the", 0.5, 0.3),
    LayerGuess(" Paris", 0.8, 0.8),
]


def test_a_strip_says_which_token_leads_where() -> None:
    picture = layer_strip(GUESSES, " Paris", "Layer by layer")

    decoded(picture)
    assert picture.alt == (
        "Layer by layer. The likeliest token after each of 3 layers. “Paris” ends with 80.0 %. It leads from "
        "layer 3 on. By layer: embeddings: “is”; layers 1 to 2: “the”; layer 3: “Paris”."
    )
    assert count(picture, ACCENT) > count(layer_strip(GUESSES[:-1], " Paris", "Layer by layer"), ACCENT)


def test_a_token_that_never_leads() -> None:
    alt = layer_strip(GUESSES, " Rome").alt

    assert "leads" not in alt
    assert "“Rome” ends with 80.0 %." in alt


def test_shares_go_both_ways_and_are_all_said() -> None:
    picture = layer_shares([-0.5, 0.25, 2.0], " Paris", " the", "What each layer adds")

    assert picture.alt == (
        "What each layer adds. What 2 layers add to the logit of “Paris” minus that of “the”. Most: layer 2 +2.00, the "
        "embeddings −0.50 and layer 1 +0.25. From the embeddings on: −0.50, +0.25, +2.00."
    )
    assert count(picture, ACCENT) > 2_000
    assert count(picture, SECOND) > 300


@pytest.mark.parametrize("number", [1, 49, 50, 97, 200])
def test_deep_models_fit(number: int) -> None:
    assert decoded(layer_shares([1.0] * number, "a", "b")).height <= 2_000
    assert decoded(layer_strip([GUESSES[0]] * number, "a")).height <= 800


@pytest.mark.parametrize("values", [[], [0.0], [float("nan"), float("inf"), -1e30]])
def test_any_numbers(values: list[float]) -> None:
    decoded(layer_shares(values, "", ""))
    decoded(layer_strip([LayerGuess("", value, value) for value in values], ""))
