from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.text.graphemes import Graphemes
from tests.tangled import TANGLED


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("a 👩\u200d👧!", "👧", "👩\u200d👧"),
        ("🇩🇪🇫🇷", "🇫", "🇫🇷"),
        ("Zoe\u0301 x", "Zoe", "Zoe\u0301"),
        ("\u1112\u1161\u11ab", "\u1161", "\u1112\u1161\u11ab"),
        ("in Rome ", " Rome ", "Rome"),
        ("in  Rome", "  ", ""),
        ("Rome", "Rome", "Rome"),
        ("a \u0301b", " \u0301b", "b"),
    ],
)
def test_widened(text: str, part: str, whole: str) -> None:
    start, end = Graphemes(text).widened(text.index(part), text.index(part) + len(part))
    assert text[start:end] == whole


@given(TANGLED, st.integers(0, 30), st.integers(0, 10))
def test_any_part(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    end = min(start + length, len(text))
    graphemes = Graphemes(text)
    first, after = graphemes.widened(start, end)
    assert {first, after} <= set(graphemes.borders)
    touched, place = [], 0
    for piece in regex.findall(r"\X", text):
        if place < end and place + len(piece) > start:
            touched.append((place, place + len(piece), piece[0].isspace()))
        place += len(piece)
    seen = [one for one in touched if not one[2]] if start < end else []
    assert text[first:after] == (text[seen[0][0] : seen[-1][1]] if seen else "")
