from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bot.inference.heads.inspection.attention_weights import Weights
from bot.locales.message import later
from bot.tasks.attention_habits import Habit, habit_of
from bot.tasks.attention_opened import strong_pairs

EVEN = np.full((4, 4), 0.25, dtype=np.float32)


def mostly(places: npt.NDArray[np.float64]) -> Weights:
    """0.9 at these places of each row, the rest spread evenly."""
    rest = (1 - 0.9 * places.sum(axis=1, keepdims=True)) / 4
    found: Weights = (0.9 * places + rest).astype(np.float32)
    return found


@pytest.mark.parametrize(
    ("offset", "what"), [(0, "itself"), (-1, "the token before"), (1, "the next token")], ids=["0", "-1", "1"]
)
def test_diagonals(offset: int, what: str) -> None:
    found = habit_of(mostly(np.eye(4, k=offset)), causal=False, cross=False)
    assert str(found.what) == what
    assert found.share == pytest.approx(0.925)


def test_a_head_without_a_habit() -> None:
    assert habit_of(EVEN, causal=False, cross=False) == Habit(later("many places"), 0.0)


def test_columns() -> None:
    for column, what in ((0, "the first token"), (3, "the last token")):
        places = np.zeros((4, 4))
        places[:, column] = 1
        found = habit_of(mostly(places), causal=False, cross=True)
        assert (str(found.what), round(found.share, 3)) == (what, 0.925)


def test_the_first_token_of_a_decoder_has_no_choice() -> None:
    weights = np.eye(3, dtype=np.float32)
    weights[1:] = [[0.4, 0.6, 0], [0.3, 0.3, 0.4]]
    found = habit_of(weights, causal=True, cross=False)
    assert str(found.what) == "itself"
    assert found.share == pytest.approx(0.5)


def test_the_pairs_worked_out_first_are_strong_visible_and_no_sinks() -> None:
    weights = np.tril(np.full((6, 6), 0.02))
    weights[:, 0] = 1 - weights[:, 1:].sum(axis=1)
    weights[4, 2], weights[4, 0] = 0.2, weights[4, 0] - 0.18
    found = strong_pairs(weights.astype(np.float32), causal=True, most=36)
    assert found[0] == (4, 2)
    assert found[-1] == (0, 0)
    assert all(key for _, key in found[:15])
    assert len(found) == 21
    assert strong_pairs(EVEN, causal=False) == [(0, 0)]
