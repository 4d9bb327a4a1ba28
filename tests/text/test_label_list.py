"""Labels as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.label_list import parse_labels


def labels(text: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in parse_labels(text) if label.strip())


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('"red, white and blue", black', ("red, white and blue", "black")),  # row I1
        ("“red, white and blue”, black", ("red, white and blue", "black")),
        ("„rot, weiß“, blau", ("rot, weiß", "blau")),
        ("« rouge, blanc », noir", ("rouge, blanc", "noir")),
        ("「赤、白」、黒", ("赤、白", "黒")),
        ("'red, white', black", ("red, white", "black")),
        ("‘don’t stop, ever’, go", ("don’t stop, ever", "go")),
        ('"sports","politics"', ("sports", "politics")),
        ('The "big, bad" wolf, pig', ('The "big, bad" wolf', "pig")),
        ("don't, won't", ("don't", "won't")),
        ("rock 'n' roll, '90s, '80s", ("rock 'n' roll", "'90s", "'80s")),
        ('5" pipe, 6" pipe', ('5" pipe', '6" pipe')),
        ('"never closed, a', ('"never closed', "a")),
        ('"a" and "b", c', ('"a" and "b"', "c")),
        ("1,5 l, 2,5 l", ("1,5 l", "2,5 l")),
        ("1,000 people, 2,000 people", ("1,000 people", "2,000 people")),
        ("1,2,3", ("1", "2", "3")),
        ("a,b，c、d،e", ("a", "b", "c", "d", "e")),
        ("red, white and blue; black", ("red, white and blue", "black")),
        ("1,5；2,5", ("1,5", "2,5")),
        ('"a; b"; c', ("a; b", "c")),
        ("red, white and blue\nblack", ("red, white and blue", "black")),
        ("sports,\npolitics,\n", ("sports", "politics")),
        ("sports, politics,\nwar, peace", ("sports", "politics", "war", "peace")),
        ("", ()),
    ],
)
def test_labels(text: str, right: tuple[str, ...]) -> None:
    assert labels(text) == right


words = st.from_regex(r"[a-zé0-9]{1,6}( [a-zé]{1,6}){0,2}", fullmatch=True)
names = st.lists(words, min_size=1, max_size=3).map(", ".join)


@given(st.lists(names, min_size=2, max_size=6), st.sampled_from(['"{}"', "“{}”", "«{}»", "„{}“"]))
def test_quoted_labels_come_back(found: list[str], marks: str) -> None:
    assert labels(", ".join(map(marks.format, found))) == tuple(found)


@given(st.lists(names, min_size=2, max_size=6), st.sampled_from(["; ", ";", "\n"]))
def test_commas_are_a_part_of_labels_that_something_else_separates(found: list[str], separator: str) -> None:
    assert labels(separator.join(found)) == tuple(found)


@given(st.lists(words, min_size=2, max_size=6))
def test_plain_words_come_back(found: list[str]) -> None:
    assert labels(", ".join(found)) == tuple(found)


@given(st.text(alphabet="ab,;\n\"'“”«» 12", max_size=30))
def test_nothing_but_separators_and_quotation_marks_is_lost(text: str) -> None:
    kept = "".join(letter for label in parse_labels(text) for letter in label if letter.isalnum())
    assert kept == "".join(filter(str.isalnum, text))


def test_labels_that_are_the_same_to_people_are_one() -> None:
    """Row H3."""
    found = ZeroShotRequest(
        "We had an espresso there.", ("cafe\u0301", "café", "ＣＡＦÉ", "ca\u200bfé", "zoo", "zoo\u3164")
    )
    assert found.labels == ("café", "zoo")
