from __future__ import annotations

import numpy as np
import pytest

from bot.pictures.attention import MOST_TOKENS, attention_map
from bot.pictures.grid import largest, matrix
from bot.pictures.palette import amount, evidence
from bot.pictures.similarity import MOST_TEXTS, similarity_map
from tests.pictures.support import count, decoded

TOKENS = ["[CLS]", "the", "cat", "[SEP]"]
WEIGHTS = [[0.7, 0.1, 0.1, 0.1], [0.2, 0.2, 0.55, 0.05], [0.05, 0.9, 0.03, 0.02], [0.25, 0.25, 0.25, 0.25]]
TEXTS = ["I love apples.", "Apples are good.", "Stocks fell."]
COSINES = [[1, 0.83, 0.05], [0.83, 1, -0.4], [0.05, -0.4, 1]]


def test_the_alt_text_names_the_strongest_pairs() -> None:
    picture = attention_map(TOKENS, TOKENS, WEIGHTS, "Layer 1, head 2")

    decoded(picture)
    assert picture.alt == (
        "Layer 1, head 2. Attention weights: 4 tokens looking at 4 tokens. "
        "Strongest: “cat” to “the” 0.90, “[CLS]” to “[CLS]” 0.70 and “the” to “cat” 0.55."
    )


def test_what_a_decoder_cannot_see_is_neither_named_nor_coloured() -> None:
    picture = attention_map(TOKENS, TOKENS, WEIGHTS, causal=True)
    full = attention_map(TOKENS, TOKENS, WEIGHTS)

    assert "“the” to “cat”" not in picture.alt
    hidden = amount(0.55**0.5)
    assert count(full, hidden, 3) > count(picture, hidden, 3) + 2000


def test_cross_attention_has_two_kinds_of_tokens() -> None:
    picture = attention_map(["Ich", "liebe"], ["I", "love", "it"], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])

    decoded(picture)
    assert "2 tokens looking at 3 tokens. Strongest: “Ich” to “I” 0.80" in picture.alt


def test_a_large_map_shows_the_first_tokens_and_names_the_strongest_of_all() -> None:
    tokens = [f"token{index}" for index in range(3 * MOST_TOKENS)]
    weights = np.zeros((len(tokens),) * 2, dtype=np.float32)
    weights[-1, -2] = 1
    picture = attention_map(tokens, tokens, weights)

    decoded(picture)
    assert "“token119” to “token118” 1.00" in picture.alt


@pytest.mark.parametrize("size", [1, 8, 12, 24, MOST_TOKENS])
def test_maps_of_every_size(size: int) -> None:
    tokens = ["<|im_start|>", "日本語", "مرحبا", "😀", *["a long token"] * size][:size]

    decoded(attention_map(tokens, tokens, np.full((size, size), 1 / size), "Title " * 30, causal=True))


def test_weights_must_have_the_shape_of_the_tokens() -> None:
    with pytest.raises(ValueError, match="4 rows and 3 columns"):
        attention_map(TOKENS, TOKENS[:3], WEIGHTS)


def test_similarities_of_texts_with_each_other() -> None:
    picture = similarity_map(TEXTS, COSINES)

    decoded(picture)
    assert picture.alt == (
        "Cosine similarities of 3 texts with each other. Most alike: “I love apples.” and “Apples are good.” 0.83, "
        "“I love apples.” and “Stocks fell.” 0.05 and “Apples are good.” and “Stocks fell.” −0.40."
    )
    assert count(picture, evidence(1)) > 3 * 2000
    assert count(picture, evidence(-0.4)) > 2 * 2000


def test_the_least_alike_texts_are_said_too_and_no_zero_is_negative() -> None:
    texts = ["apples", "pears", "plums", "bonds"]
    cosines = np.full((4, 4), 0.8)
    cosines[0, 3] = cosines[3, 0] = -0.001

    assert "Least alike: “apples” and “bonds” 0.00." in similarity_map(texts, cosines).alt


def test_many_texts_are_cut() -> None:
    texts = [f"Text {index} " * 20 for index in range(MOST_TEXTS * 3)]

    decoded(similarity_map(texts, np.eye(len(texts))))


def test_what_is_no_number_is_zero() -> None:
    assert matrix([[float("nan"), float("inf")]], 1, 2).tolist() == [[0, 0]]
    assert matrix([], 0, 0).shape == (0, 0)


def test_the_largest_come_in_order() -> None:
    values = np.array([[1.0, 5.0, 2.0], [5.0, -np.inf, 4.0]])

    assert largest(values, 3) == [(0, 1), (1, 0), (1, 2)]
    assert largest(np.full((2, 2), -np.inf), 3) == []
    assert len(largest(values, 99)) == 5
