from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.palette import evidence
from bot.pictures.vectors import MOST_NUMBERS, MOST_VECTORS, vector_strips
from tests.pictures.support import count, decoded
from tests.pictures.test_any_text import NUMBERS, TEXTS


def test_the_alt_text_has_the_first_numbers() -> None:
    picture = vector_strips(["A cat sleeps.", "It rains"], [[0.5, -0.25, 0.125, 1.0], [0.0, 0.0, -1.0, 0.0]], "Vectors")

    assert picture.alt == (
        "Vectors. 2 vectors of 4 numbers as strips of colour. “A cat sleeps.” begins with 0.50, −0.25, 0.12. "
        "“It rains” begins with 0.00, 0.00, −1.00."
    )


def test_the_largest_number_has_the_full_colour() -> None:
    picture = vector_strips(["a"], [[0.1, -0.1, 0.05]])

    assert count(picture, evidence(1)) > 1_000
    assert count(picture, evidence(-1)) > 1_000
    assert count(picture, evidence(0.5)) > 1_000


def test_long_vectors_and_many_are_cut() -> None:
    values = np.random.default_rng(0).normal(size=(MOST_VECTORS + 3, 1_024))
    began = time.thread_time()
    picture = vector_strips([f"text {place}" for place in range(len(values))], values, "Vectors")

    assert time.thread_time() - began < 2  # 400 ms; others on the machine do not count
    decoded(picture)
    taller = vector_strips([f"text {place}" for place in range(MOST_VECTORS)], values[:MOST_VECTORS, :MOST_NUMBERS])
    assert picture.height > taller.height  # by the note


def test_numbers_that_are_none() -> None:
    decoded(vector_strips(["a", "b"], [[float("nan"), 1.0], [float("inf"), 0.0]]))
    decoded(vector_strips(["a"], [[0.0, 0.0]]))
    decoded(vector_strips([], []))


def test_vectors_without_labels() -> None:
    with pytest.raises(ValueError, match="1 rows"):
        vector_strips(["a"], [[0.5], [0.5]])


@settings(max_examples=12, deadline=None)
@given(st.lists(TEXTS, max_size=15), NUMBERS, TEXTS)
def test_any_text(labels: list[str], value: float, title: str) -> None:
    decoded(vector_strips(labels, np.full((len(labels), 7), value), title))
