from __future__ import annotations

import numpy as np
import pytest

from bot.pictures.palette import evidence
from bot.pictures.token_pairs import pair_map
from tests.pictures.support import count, decoded


def test_the_alt_text_names_the_largest_and_the_sum() -> None:
    picture = pair_map(["a", "cat"], ["a", "dog", "."], [[0.1, 0.05, 0], [-0.02, 0.4, 0.01]], 0.54, "Pairs")
    decoded(picture)
    assert picture.alt == (
        "Pairs. What pairs of 2 tokens and 3 tokens add to a cosine of 0.540. Most: “cat” with “dog” 0.400, “a” with "
        "“a” 0.100 and “a” with “dog” 0.050. Against it: “cat” with “a” −0.020."
    )
    assert count(picture, evidence(1.0), 3) > 1000


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 90), (90, 1), (90, 90)])
def test_any_size(shape: tuple[int, int]) -> None:
    picture = pair_map(["token"] * shape[0], ["token"] * shape[1], np.full(shape, 0.001), 0.5)
    decoded(picture)
