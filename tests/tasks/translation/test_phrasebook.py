"""How a causal language model is shown what translating is."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.languages.lookup import find_language, language
from bot.tasks.translation.phrasebook import PHRASES, dictionary, layouts, tidy


def test_the_sentences() -> None:
    for code, sentences in PHRASES.items():
        assert find_language(code).code == code
        assert len(sentences) == len(set(sentences)) == 6
        assert not any(mark in sentence for sentence in sentences for mark in '"\n=')
    assert len({sentence for sentences in PHRASES.values() for sentence in sentences}) == 6 * len(PHRASES)


@pytest.mark.parametrize(("source", "target"), list(permutations(PHRASES, 2)))
def test_layouts(source: str, target: str) -> None:
    sentence = "Braces {} {0}, %s, and a 'quote'."
    found = layouts(sentence, source, target)
    assert found[0] == dictionary(sentence, source, target)
    assert len(set(found)) == len(found) == 6
    for prompt in found:
        assert prompt.count(sentence) == 1
        assert language(target).name in prompt
        known = [one in prompt and other in prompt for one, other in zip(PHRASES[source], PHRASES[target], strict=True)]
        assert sum(known) == (3 if prompt == found[-1] else 6)
        # A model that goes on writes the translation, not the end of a word or of an example.
        assert prompt.endswith((" =", "?", ":", '"'))
        assert not prompt.endswith(f'"{sentence}"')


def test_the_dictionary() -> None:
    assert dictionary("Why?", "en", "de").splitlines() == [
        "English - German dictionary",
        "Good morning! = Guten Morgen!",
        "The girl is reading a book. = Das Mädchen liest ein Buch.",
        "Where do you live? = Wo wohnst du?",
        "I have a new bicycle. = Ich habe ein neues Fahrrad.",
        "We are going to the beach tomorrow. = Wir gehen morgen an den Strand.",
        "He likes cheese very much. = Er mag Käse sehr gern.",
        "Why? =",
    ]


@pytest.mark.parametrize(
    ("written", "translation"),
    [
        (" Warum?\n", "Warum?"),
        (' "Warum?"\nEnglish: "', "Warum?"),
        ('Warum?"\n', "Warum?"),
        ("– Warum? –\n", "Warum?"),
        (" = Warum?", "Warum?"),
        ("\tWarum?\t", "Warum?"),
        ('Er sagt "Hallo" und geht', "Er sagt"),
        ("l'été – l'hiver", "l'été – l'hiver"),
        ("\nWarum?", ""),
        ('""', ""),
        ("", ""),
    ],
)
def test_tidy(written: str, translation: str) -> None:
    assert tidy(written) == translation


@given(st.text(alphabet='ab "–=\t\n', max_size=30))
def test_a_tidy_text_is_one_line_without_quotes(written: str) -> None:
    text = tidy(written)
    assert text == text.strip()
    assert not set(text) & set('"\n')
