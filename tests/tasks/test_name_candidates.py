from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.name_candidates import LONGEST_SENTENCE, find_candidates


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Sylvain and I work at Hugging Face in Brooklyn.", ["Sylvain", "Hugging Face", "Brooklyn"]),
        ("The United Nations met. On Monday Peter called Julia.", ["United Nations", "Peter", "Julia"]),
        ("Yesterday it rained. We stayed. Why?", []),
        ("Anna's dog, the Joneses’ cat and O'Neill", ["Anna", "Joneses", "O'Neill"]),
        ("the University of Oxford and Ludwig van Beethoven", ["University of Oxford", "Ludwig van Beethoven"]),
        ("Élodie, Ørsted, Привет Москва", ["Élodie", "Ørsted", "Привет Москва"]),
        ("nobody here", []),
        ("東京に行った", []),
        ("AT&T and 3M", ["AT&T"]),
        ("Ab " * 40 + "and Anna", ["Anna"]),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert [one.name for one in find_candidates(text)] == names


def test_places_and_sentence() -> None:
    text = "It rains. Later Anna laughed!\nThen Anna left."
    [anna] = find_candidates(text)
    assert anna.places == ((16, 20), (35, 39))
    assert anna.sentence == "Later Anna laughed!"


@given(st.text(alphabet="Aa ab.!\n'’É語😀-", max_size=700))
def test_any_text(text: str) -> None:
    last = 0
    for candidate in find_candidates(text):
        assert len(candidate.sentence) <= LONGEST_SENTENCE + len(candidate.name)
        assert candidate.name in candidate.sentence
        for start, end in candidate.places:
            assert text[start:end] == candidate.name
        assert candidate.places[0][0] >= last
        last = candidate.places[0][1]
