from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.locales.numbers import percent
from bot.pictures.picture import ALT_LIMIT
from bot.pictures.wording import alt_text, as_chip, as_word, listed, number, quoted, signed, visible

ANYTHING = st.text(st.characters())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("love", "love"),
        (" love", "␣love"),
        ("  ", "␣␣"),
        ("", "∅"),
        ("\n", "⏎"),
        ("\t", "→"),
        ("a\x00b", "a\ufffdb"),
        ("\u202eabc", "\ufffdabc"),
        ("\ud800", "\ufffd"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("👍🏽", "👍🏽"),
        ("\u00a0x", "␣x"),
    ],
)
def test_nothing_is_unseen(text: str, shown: str) -> None:
    assert as_chip(text) == shown


def test_a_words_first_space_is_the_gap_before_it() -> None:
    assert as_word(" love", starts_word=True) == "love"
    assert as_word("  love", starts_word=True) == "␣love"
    assert as_word(" love", starts_word=False) == "␣love"
    assert as_word(" ", starts_word=True) == "␣"


@given(ANYTHING)
def test_shown_text_can_be_written_and_shown_again(text: str) -> None:
    shown = visible(text)

    assert len(shown) == len(text)
    assert shown.encode().decode() == shown
    assert visible(shown) == shown


@given(st.lists(ANYTHING, max_size=40))
def test_an_alt_text_fits(sentences: list[str]) -> None:
    text = alt_text([visible(sentence) * 30 for sentence in sentences])

    assert len(text.encode("utf-16-le")) // 2 <= ALT_LIMIT


def test_an_alt_text_is_cut_between_characters() -> None:
    cut = alt_text(["😀" * 600])

    assert cut == "😀" * 511 + "…"


def test_a_long_token_does_not_crowd_out_the_others() -> None:
    assert quoted("x" * 1000) == f"“{'x' * 32}…”"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (0.42, "+0.42"),
        (-4.2731, "−4.27"),
        (1234.5, "+1,234"),
        (float("nan"), "unknown"),
    ],
)
def test_numbers_have_their_sign(value: float, said: str) -> None:
    assert signed(value) == said
    assert number(value) == said.removeprefix("+")


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.8312, "83.1 %"),
        (0.99999, "> 99.9 %"),
        (1e-6, "< 0.1 %"),
        (0, "0.0 %"),
        (1, "100.0 %"),
        (float("nan"), "unknown"),
    ],
)
def test_probabilities_are_not_rounded_to_certainty(probability: float, said: str) -> None:
    assert percent(probability) == said


def test_lists_read_as_sentences() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
