from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.labels import MOST_TOKENS, LabelledToken, labelled_tokens
from bot.pictures.palette import WORDS
from tests.pictures.support import count, decoded
from tests.pictures.test_any_text import NUMBERS, TEXTS

SENTENCE = [
    LabelledToken("[CLS]", "", "", 0.0),
    LabelledToken("Sy", "B-PER", "PER", 0.997),
    LabelledToken("lvain", "I-PER", "PER", 0.52, starts_word=False),
    LabelledToken("lives", "O", "", 0.999),
    LabelledToken("in", "O", "", 0.999),
    LabelledToken("Paris", "B-LOC", "LOC", 0.981),
]


def test_the_alt_text_names_what_is_of_a_kind() -> None:
    assert labelled_tokens(SENTENCE, "Labels").alt == (
        "Labels. 6 tokens with their labels: “Sy” B-PER 99.7 %, “lvain” I-PER 52.0 % and “Paris” B-LOC 98.1 %. "
        "2 other tokens outside of all kinds."
    )


def test_one_kind_has_one_colour() -> None:
    first, second = WORDS[:2]
    one = labelled_tokens(SENTENCE[:2])
    both = labelled_tokens(SENTENCE)

    assert count(one, first) > 1_000
    assert count(both, first) > 1.5 * count(one, first)  # the second token of the person
    assert count(one, second) == 0
    assert count(both, second) > 1_000  # the place


def test_what_is_of_no_kind_has_no_colour() -> None:
    picture = labelled_tokens([LabelledToken("lives", "O", "", 0.9), SENTENCE[0]])

    assert all(count(picture, colour) == 0 for colour in WORDS)
    assert picture.alt == "2 tokens with their labels: none of any kind. 1 other token outside of all kinds."


def test_a_long_text_is_cut() -> None:
    long = [LabelledToken(f"word{place}", "B-MISC", "MISC", 0.5) for place in range(MOST_TOKENS * 5)]
    began = time.thread_time()
    picture = labelled_tokens(long, "Labels")

    assert time.thread_time() - began < 2  # 400 ms; others on the machine do not count
    decoded(picture)
    assert f"and {MOST_TOKENS * 5 - 12} more" in picture.alt


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.builds(LabelledToken, TEXTS, TEXTS, TEXTS, NUMBERS, st.booleans()), max_size=60),
    TEXTS,
)
def test_any_text(tokens: list[LabelledToken], title: str) -> None:
    decoded(labelled_tokens(tokens, title))


@pytest.mark.parametrize("text", ["مرحبا", "天気", "👩\u200d👧"])
def test_any_script(text: str) -> None:
    assert f"“{text}” B-LOC 50.0 %" in labelled_tokens([LabelledToken(text, "B-LOC", "LOC", 0.5)]).alt
