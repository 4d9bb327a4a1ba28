from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pictures.direction import is_leftwards, runs


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hello", ["hello"]),
        ("שלום", ["<שלום"]),
        ("abc שלום def", ["abc ", "<שלום", " def"]),
        # Two words that run from right to left are one run, with the space between them.
        ("abc שלום עולם def", ["abc ", "<שלום עולם", " def"]),
        # The line begins in Hebrew: what comes later stands further left.
        ("שלום abc", ["abc", "<שלום "]),
        # Numbers are read from left to right within it.
        ("שנת 2026 טובה", ["< טובה", "2026", "<שנת "]),
        ("", []),
        ("123", ["123"]),
    ],
)
def test_runs_stand_as_they_are_read(text: str, parts: list[str]) -> None:
    assert [("" if run.rightwards else "<") + text[run.start : run.end] for run in runs(text)] == parts


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_character_is_in_one_run(text: str) -> None:
    assert sorted(index for run in runs(text) for index in range(run.start, run.end)) == list(range(len(text)))


def test_a_texts_direction_is_that_of_most_letters() -> None:
    assert is_leftwards(["مرحبا", "hi", "[1]"])
    assert not is_leftwards(["hello", "של"])
    assert not is_leftwards(["123", "?!"])
