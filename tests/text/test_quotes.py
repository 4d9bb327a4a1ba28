from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.text.graphemes import Graphemes
from bot.text.quotes import find_quote, same_words
from tests.tangled import TANGLED


def quote_of(text: str, quote: str, question: str = "") -> str | None:
    place = find_quote(text, quote, question)
    return None if place is None else text[slice(*place)]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("It was -5 degrees", "-5 degrees"),
        ("It was −5 °C", "−5 °C"),
        ("The ticket costs $12.50", "$12.50"),
        ("Das kostet 12,50 € mehr", "12,50 €"),
        ("40% last year", "40%"),
        ("about 3/4 of it", "3/4"),
        ("at 10:30 sharp", "10:30"),
        ("born on 2024-05-01.", "2024-05-01"),
        ("Ann writes C++ every day", "C++"),
        ("Ann writes C#, Bob F#", "F#"),
        ("made with .NET 8", ".NET"),
        ("田中さんは東京に住んでいます。", "東京"),
        ("他住在北京市。", "北京"),
        ("ผมอยู่ที่กรุงเทพ", "กรุงเทพ"),
        ("그는 서울에 산다", "서울"),
        ("東京タワーへ", "タワー"),
        ("in 👩\u200d👧 form", "👩\u200d👧"),
        ("The U.S. Army", "U.S. Army"),
        ("Ann's dog", "Ann"),
        ("l'Allemagne gagne", "Allemagne"),
        ("Jean-Luc is here", "Luc"),
        ("from 1990-1995", "1995"),
        ("He is 10.", "10"),
    ],
)
def test_as_it_stands(text: str, quote: str) -> None:
    """F2, F5, F6: whole words and numbers, with signs, currencies and per cent, and scripts without spaces."""
    assert quote_of(text, quote) == quote


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Ann writes C++ and C#", "C"),
        ("version 10.5", "10"),
        ("1,000 people", "1"),
        ("It was -5 outside", "5"),
        ("It was -5 degrees", "5 degrees"),
        ("at 10:30", "10"),
        ("3/4 of it", "3"),
        ("on 2024-05-01", "05"),
        ("10km away", "10"),
        ("the .NET runtime", "NET"),
        ("Marta", "art"),
        ("Zoe\u0301 sings", "Zoe"),
        ("👩\u200d👧", "👩"),
        ("🇩🇪🇫🇷", "🇪🇫"),
        ("anything", "(.*"),
        ("", "Ann"),
    ],
)
def test_not_a_part_of_something_else(text: str, quote: str) -> None:
    assert quote_of(text, quote) is None


@pytest.mark.parametrize(
    ("text", "quote", "marked"),
    [
        ("He said “it’s fine” to me", '"It\'s fine"', "“it’s fine”"),
        ("costs −5 %", "-5 %", "−5 %"),
        ("a  b\nc d", "b c", "b\nc"),
        ("Zoe\u0301 sings", "Zo\u00e9", "Zoe\u0301"),
        ("die Straße", "STRASSE", "Straße"),
        ("１２ Uhr", "12", "１２"),
        ("born in the U.S.", "in the U.S", "in the U.S."),
        ("She plays the cello, in an orchestra", "she plays the cello in an orchestra", None),
        ("in a small orchestra", "in the small orchestra", "small orchestra"),
    ],
)
def test_however_it_is_written(text: str, quote: str, marked: str | None) -> None:
    assert quote_of(text, quote) == (text if marked is None else marked)


@pytest.mark.parametrize(
    ("text", "quote", "question", "before"),
    [
        (
            "In 1990 Ann was born. The shop opened in 1985 and closed in 1990.",
            "in 1990",
            "When did the shop close?",
            "closed ",
        ),
        (
            "In 1990 Ann was born. The shop opened in 1985 and closed in 1990.",
            "1990",
            "When was Ann born?",
            "In ",
        ),
        (
            "Jordan scored twice. Later the team travelled to Jordan by bus.",
            "Jordan",
            "Where did the team travel?",
            "travelled to ",
        ),
        ("Ann has two cats. Bob has two dogs.", "two", "How many dogs does Bob have?", "Bob has "),
        ("東京は大きい。田中さんは東京に住んでいます。", "東京", "田中さんはどこに住んでいますか。", "田中さんは"),
        ("Tom, Tom and Tom", "Tom", "Who?", ""),
        ("スターバックスのスター", "スター", "", "の"),
    ],
)
def test_of_several_places(text: str, quote: str, question: str, before: str) -> None:
    """F1, F8: the place nearest to the question's words; the first where none is."""
    place = find_quote(text, quote, question)
    assert place is not None
    assert text[: place[0]].endswith(before)
    assert before or place[0] == 0


def test_same_words() -> None:
    assert same_words("“Hugging  Face”", "hugging, face")
    assert not same_words("5", "-5")
    assert not same_words("C", "C++")


@given(TANGLED, TANGLED, st.text(max_size=10))
def test_any_texts(text: str, quote: str, question: str) -> None:
    place = find_quote(text, quote, question)
    if place is not None:
        start, end = place
        assert 0 <= start < end <= len(text)
        assert {start, end} <= set(Graphemes(text).borders)
        assert text[start:end].strip() == text[start:end]


@given(TANGLED, TANGLED, TANGLED)
def test_what_stands_between_spaces_is_found(before: str, quote: str, after: str) -> None:
    """At least as many characters are marked as the quote has letters, wherever it is planted."""
    alphanumeric = [offset for offset, one in enumerate(quote) if one.isalnum()]
    assume(alphanumeric)
    quote = " ".join(quote[alphanumeric[0] : alphanumeric[-1] + 1].split())
    text = f"{before} {quote} {after}"
    place = find_quote(text, quote)
    assert place is not None
    assert same_words(text[slice(*place)].strip(), quote) or quote.casefold() in text[slice(*place)].casefold()
