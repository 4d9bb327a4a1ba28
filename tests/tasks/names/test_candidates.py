from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.names.candidates import LONGEST_NAME, LONGEST_SENTENCE, find_candidates
from bot.text.graphemes import Graphemes
from bot.text.markup import markup
from tests.tangled import TANGLED
from tests.tasks.names.named_sentences import HELD_BACK, NAMED_SENTENCES


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
    assert anna.spans == ((16, 20), (35, 39))
    assert anna.sentence == "Later Anna laughed!"


@given(st.text(alphabet="Aa ab.!\n'’É語😀-", max_size=700))
def test_any_text(text: str) -> None:
    last = 0
    for candidate in find_candidates(text):
        assert len(candidate.sentence) <= LONGEST_SENTENCE + len(candidate.name)
        assert candidate.name in candidate.sentence
        for start, end in candidate.spans:
            assert text[start:end] == candidate.name
        assert candidate.spans[0][0] >= last
        last = candidate.spans[0][1]


@pytest.mark.parametrize("text", [*NAMED_SENTENCES, *HELD_BACK])
def test_labelled_sentences(text: str) -> None:
    """E1, E4, E6, D8: all names are candidates, and here nothing else is. The model's part is in test_starter.py."""
    assert [one.name for one in find_candidates(text)] == list({**NAMED_SENTENCES, **HELD_BACK}[text])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("C.S. Lewis and T. S. Eliot met in N.Y.C. once.", ["C.S. Lewis", "T. S. Eliot", "N.Y.C."]),
        ("It was I. Then Bob came. So did I. Tom left.", ["Bob", "Tom"]),
        ("The Vitamin C. He took it", ["Vitamin C"]),
        ("Red Cross helped Bank of America in the Black Sea.", ["Red Cross", "Bank of America", "Black Sea"]),
        ("World Health Organization", ["World Health Organization"]),
        ("Mark said hi. Mark my words. Hope you are well. Rose and Tim left.", ["Mark", "Rose", "Tim"]),
        ("May 5 was cold. On 5 May it rained. May, come! I met May.", ["May"]),
        ("Will Brown is here. Can Will come? Will you?", ["Will Brown", "Will"]),
        ("I like van Gogh. Das ist Peter.", ["van Gogh", "Peter"]),
        ("Jeanne d'Arc, et l'Allemagne", ["Jeanne d'Arc", "Allemagne"]),
        ("King's College London, Ann's Berlin", ["King's College London", "Ann", "Berlin"]),
        ("Prof. Dr. Angela Merkel met Mrs Thatcher", ["Angela Merkel", "Thatcher"]),
        ("from US to UK. Tell us", ["US", "UK"]),
        ("TELL US MORE", []),
        ("This is SO GOOD, says NASA.", ["NASA"]),
        ("Barack Obama Was Born In Honolulu", ["Barack Obama", "Honolulu"]),
        ("MY NAME IS SYLVAIN AND I WORK AT HUGGING FACE", ["SYLVAIN", "HUGGING"]),
        ("“Where is Tom?” asked Lisa. (Ask Ben.) *Nice* work, **Sara**!", ["Tom", "Lisa", "Ben", "Sara"]),
        ("- Ask Tim\n- Call Jo", ["Tim", "Jo"]),
        ("Anna isn't. Isn't she? Ann'll come, Bob'd know", ["Anna", "Ann", "Bob"]),
        ("Meet me at 5 PM or 7:30 A.M. at Central Park. I met Tom at 5pm", ["Central Park", "Tom"]),
        ("Who'd've thought that Ann'd've come? Couldn't've Bob?", ["Ann", "Bob"]),
        ("Αθήνα και Σπάρτη. Иван живёт в Киеве.", ["Αθήνα", "Σπάρτη", "Иван", "Киеве"]),
    ],
)
def test_kinds_of_names(text: str, names: list[str]) -> None:
    assert [one.name for one in find_candidates(text)] == names


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            "ANN O'NEILL LIVES IN BERLIN",
            [("Ann O'Neill", "Ann O'Neill lives in Berlin"), ("Berlin", "Ann O'Neill lives in Berlin")],
        ),
        ("I LOVE NEW YORK! Tom too.", [("New York", "I love New York!"), ("Tom", "Tom too.")]),
        ("Tom works at IBM.", [("Tom", "Tom works at IBM."), ("IBM", "Tom works at IBM.")]),
        ("IBM", [("IBM", "IBM")]),
    ],
)
def test_a_model_is_asked_in_the_usual_spelling(text: str, asked: list[tuple[str, str]]) -> None:
    assert [one.asked for one in find_candidates(text)] == asked


@given(TANGLED | st.text(alphabet="ABaber .,’-é東", max_size=80))
def test_candidates_are_whole_characters_outside_of_markup(text: str) -> None:
    borders = set(Graphemes(text).borders)
    unread = markup(text)
    places = sorted(place for one in find_candidates(text) for place in one.spans)
    reached = 0
    for start, end in places:
        assert reached <= start < end <= start + LONGEST_NAME
        assert {start, end} <= borders
        assert not unread.touches(start, end)
        reached = end
    for one in find_candidates(text):
        assert len(one.asked[0]) == len(one.name)
        assert one.asked[0] in one.asked[1]
