from __future__ import annotations

import numpy as np
import pytest

from bot.pictures.attention import weight_colour
from bot.pictures.attention_heads import head_maps
from bot.pictures.attention_row import Seen, weight_row
from tests.pictures.support import count, decoded


def test_all_heads_with_what_each_looks_at() -> None:
    heads = [np.full((4, 4), 0.25, dtype=np.float32), np.eye(4, dtype=np.float32)]
    picture = head_maps(heads, [("many places", 0.0), ("itself", 1.0)], "Layer 1", causal=False)
    decoded(picture)
    assert picture.alt == (
        "Layer 1. Attention weights of 2 heads, each on its own: head 1 mostly many places; head 2 mostly itself 1.00."
    )
    assert count(picture, weight_colour(0.25), 3) > 4 * count(picture, weight_colour(1.0), 3) > 0


@pytest.mark.parametrize("heads", [1, 9, 16, 64, 90])
@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (3, 40), (40, 3)])
def test_any_number_and_size(heads: int, shape: tuple[int, int]) -> None:
    weights = np.full(shape, 1 / shape[1], dtype=np.float32)
    picture = head_maps([weights] * heads, [("itself", 0.5)] * heads, causal=shape[0] == shape[1])
    decoded(picture)
    assert ("and 66 more" in picture.alt) == (heads == 90)


def test_a_row_says_product_score_and_weight() -> None:
    keys = [Seen("I", 16.0, 2.0, 0.731, True), Seen("love", 8.0, 1.0, 0.269, True), Seen("it", 9.0, 1.1, 0.0, False)]
    picture = weight_row("love", keys, 1, "Head 3")
    decoded(picture)
    assert picture.alt == (
        "Head 3. How “love” divides its attention among 3 tokens, 1 of them hidden. “love”: product of query and key "
        "8.00, score 1.00, weight 0.269. Most: “I” 0.731, “love” 0.269 and “it” 0.000."
    )
