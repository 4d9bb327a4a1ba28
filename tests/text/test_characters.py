"""What can be seen of a text, and which texts are the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.tasks.answer import AnswerRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.accepted import clean_text
from bot.text.characters import identity, visible
from bot.text.label_list import parse_labels
from tests.support import refusal_of

SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"

FILLERS = (
    "\u3164\uffa0\u115f\u1160\u2800\u180e\u034f\u17b4\u17b5\ufe0f\ufe00\u200c\u200d\u2060\u00ad\U000e0100\U00013441"
)
ODD = (
    FILLERS
    + "aé\u0301\u0323\u1100\u1161\u0627\u0653\u0915\u094d👩🚀❤1#*\u20e3"
    + "\U0001f3f4\U000e0067\U000e007f葛\u1820\u180b\u212b \n\r"
)

texts = st.one_of(st.text(alphabet=ODD, max_size=14), st.text(max_size=20), st.just(SCOTLAND + " x"))


@pytest.mark.parametrize(
    "text",
    [
        f"I love {SCOTLAND} so much",  # row H8
        f"{ENGLAND}{WALES}",
        "می\u200cخواهم",
        "क्\u200dष",
        "👩🏽\u200d🚀 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 👩\u200d👩\u200d👧",
        "1\ufe0f\u20e3 © ©\ufe0f",
        "葛\U000e0100城市",
        "⠓⠑⠇⠇⠕\u2800⠺⠕⠗⠇⠙",
        "각 한국어",
    ],
)
def test_what_changes_how_a_text_looks_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("C'e\u0301tait ge\u0301nial", "C'était génial"),
        ("a\U000e0069\U000e0067\U000e006e\U000e007fb", "ab"),  # a text in tags, which nobody sees
        ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),
        ("\U0001f3f4" + "\U000e0061" * 40 + "\U000e007f", "\U0001f3f4"),
        ("lo\u200dve \u200ci\ufe0ft", "love it"),
        ("yes\u3164no\u2800maybe", "yes no maybe"),
        ("🚀\u200d", "🚀"),
        ("a\u034f\u0301", "á"),
        ("\u1100\u1161", "가"),
    ],
)
def test_what_does_not_is_taken_out(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(texts)
@settings(max_examples=500)
def test_the_same_for_every_form_and_for_its_own_result(text: str) -> None:
    seen = visible(text)
    assert visible(seen) == seen
    assert unicodedata.is_normalized("NFC", seen)
    name = identity(text)
    assert identity(name) == name
    for form in ("NFC", "NFD"):
        assert visible(unicodedata.normalize(form, text)) == seen
        assert identity(unicodedata.normalize(form, text)) == name
    assert identity(text.upper().lower()) == identity(text.lower())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("ｃａｆé", "CAFÉ"),
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),
        ("a\u00adb", "ab"),
        ("a  b", "a b"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert identity(one) == identity(other)
    assert identity("cafe") != identity("café")


@given(st.text(alphabet=FILLERS + "\u0301\u0323\u200b \n", max_size=12))
def test_what_nobody_sees_is_no_word(text: str) -> None:
    """Rows H5 and H10: fillers, joiners, selectors and accents alone, whatever their number and order."""
    with pytest.raises(InvalidRequest, match=r"^(There are no words in the text|The text is empty)\."):
        clean_text(text)


@pytest.mark.parametrize(
    "text", ["\u3164\u3164", "\u2800", "\u180e", "\u034f", "\u115f\u1160", "\u200d", "\u0301", "\u17b4"]
)
def test_a_text_of_fillers_is_there_but_has_no_words(text: str) -> None:
    """Rows H5 and H10."""
    with pytest.raises(InvalidRequest, match=r"^There are no words in the text\."):
        SentimentRequest(text)


@given(texts)
@settings(max_examples=300)
def test_every_accepted_text_holds_a_word_that_can_be_seen(text: str) -> None:
    if refusal_of(lambda: clean_text(text)) is None:
        assert regex.search(r"(?V1)[[\p{L}\p{N}]--\p{Default_Ignorable_Code_Point}]", clean_text(text))


REQUESTS: dict[str, Callable[[str], Any]] = {
    "sentiment": SentimentRequest,
    "fill": lambda text: FillRequest(f"{text} ___"),
    "generate": GenerateRequest,
    "zeroshot": lambda text: ZeroShotRequest(text, parse_labels(f"{text}, sports; {text}, politics")),
    "entities": EntitiesRequest,
    "similarity": lambda text: SimilarityRequest((text, f"{text} x")),
    "answer": lambda text: AnswerRequest(f"Who is {text}?", f"x {text}"),
    "summarize": SummarizeRequest,
    "chat": lambda text: ChatRequest(text, 1, text),
    "tokenize": lambda text: TokenizeRequest((text,)),
}


@pytest.mark.parametrize("name", REQUESTS)
@given(text=texts)
def test_a_request_is_the_same_for_every_form(name: str, text: str) -> None:
    """Row H1: so the answer is, and what is remembered of it."""
    build = REQUESTS[name]
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    refusals = [refusal_of(lambda form=form: build(form)) for form in forms]  # type: ignore[misc]
    assert refusals[0] == refusals[1]
    if refusals[0] is None:
        assert build(forms[0]) == build(forms[1])
        assert hash(build(forms[0])) == hash(build(forms[1]))


@given(st.text(alphabet="0123456789 +-", min_size=1, max_size=60).filter(lambda text: any(map(str.isdigit, text))))
def test_no_digit_is_changed(text: str) -> None:
    """Row K12."""
    assert clean_text(text) == text.strip()
