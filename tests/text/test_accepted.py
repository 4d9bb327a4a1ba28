from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.scores import ranked, sigmoid, softmax
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.accepted import MAX_CHARACTERS, checked_range, clean_text
from bot.text.label_list import parse_labels
from tests.support import refusal_of

texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="a \n\r\t\u200b\u202e\u2066\ufeff\u00ad\x00\x1b\ud800😀é—_<>@", max_size=40),
    st.just("@everyone ```x``` " * 3),
)


@given(texts)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    refusal = refusal_of(lambda: clean_text(text))
    if refusal is not None:
        assert refusal.endswith(".")
        return
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert cleaned == cleaned.strip()
    assert cleaned.encode()
    assert not set(cleaned) & set("\u200b\u202e\u2066\ufeff\x00\x1b\r")


@given(texts, texts, st.integers(-3, 12), st.booleans())
def test_requests_raise_nothing_else(text: str, other: str, number: int, flag: bool) -> None:
    for build in (
        lambda: SentimentRequest(text),
        lambda: FillRequest(f"{text} ___ {other}", number),
        lambda: GenerateRequest(text, number, number, number / 2, number / 10, number),
        lambda: TranslateRequest(text, other.replace("\x00", "")),
        lambda: ZeroShotRequest(text, parse_labels(f"{other},{text},sports\npolitics"), flag),
    ):
        assert refusal_of(build) != ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The prompt is empty"),
        (" \n\t ", "The prompt is empty"),
        ("\u200b\u202e\ufeff", "The prompt is empty"),
        ("😀 🎉", "no words in the prompt"),
        ("*** --- ```", "no words in the prompt"),
        ("a" * (MAX_CHARACTERS + 1), "4,001 characters.*4,000"),
        ("word" * 1_250, "5,000 characters"),
    ],
)
def test_sentences(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        clean_text(text, "prompt")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  I love it \n", "I love it"),
        ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
        ("a\x0bb\x85c\u2028d", "a\nb\nc\nd"),
        ("newer than Python \U0001fae9\U0001facd", "newer than Python \U0001fae9\U0001facd"),
        ("lo\u00adve\u200b it", "love it"),
        ("\u202egnorw", "gnorw"),
        ("\x1b[31mred\x00", "[31mred"),
        ("שלום עולם", "שלום עולם"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("fine 👩\u200d🚀", "fine 👩\u200d🚀"),
        ("@everyone look", "@everyone look"),
        ("a" * MAX_CHARACTERS, "a" * MAX_CHARACTERS),
        ("e\u0301", "\u00e9"),
    ],
)
def test_cleaned(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_ranges() -> None:
    for good in (1, 2, 1.5):
        checked_range(good, 1, 2, "top_k")
    for bad in (0, 3, math.nan, math.inf, -math.inf):
        with pytest.raises(InvalidRequest, match="`top_k` must be from 1 to 2, and not"):
            checked_range(bad, 1, 2, "top_k")
    with pytest.raises(InvalidRequest, match=r"not 0\. Try one\."):
        checked_range(0, 1, 2, "top_k", later("Try one."))


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20))
def test_probabilities(logits: list[float]) -> None:
    shared = softmax(logits)
    assert shared.sum() == pytest.approx(1)
    assert ((shared >= 0) & (shared <= 1)).all()
    own = sigmoid(logits)
    assert ((own >= 0) & (own <= 1)).all()
    assert sigmoid([-value for value in logits]) == pytest.approx(1 - own, abs=1e-9)
    labels = [f"label {index}" for index in range(len(logits))]
    scores = ranked(labels, shared)
    assert sorted(score.label for score in scores) == sorted(labels)
    assert [score.probability for score in scores] == sorted(shared, reverse=True)


def test_equal_probabilities_keep_their_order() -> None:
    assert [score.label for score in ranked(["b", "a", "c"], [0.2, 0.2, 0.6])] == ["c", "b", "a"]
