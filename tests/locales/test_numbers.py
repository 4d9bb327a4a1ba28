"""Numbers, sizes, times and lists as people of each language write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from bot.locales import lists, numbers
from bot.locales.current import written_in
from bot.locales.message import later
from tests.locales.pseudo import marked

SPACE = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("write", "english", "german", "hindi"),
    [
        (lambda: numbers.whole(1_234_567), "1,234,567", "1.234.567", "12,34,567"),
        (lambda: numbers.whole(-47_392), "−47,392", "−47.392", "−47,392"),
        (lambda: numbers.decimal(-4.2731, 2), "−4.27", "−4,27", "−4.27"),
        (lambda: numbers.decimal(-0.001, 2), "0.00", "0,00", "0.00"),
        (lambda: numbers.decimal(1_234_567.5, 1), "1,234,567.5", "1.234.567,5", "12,34,567.5"),
        (lambda: numbers.signed(0.42, 2), "+0.42", "+0,42", "+0.42"),
        (lambda: numbers.signed(0.001, 2), "0.00", "0,00", "0.00"),
        (lambda: numbers.significant(0.00012345, 3), "0.000123", "0,000123", "0.000123"),
        (lambda: numbers.percent(0.8312), "83.1 %", f"83,1{SPACE}%", "83.1%"),
        (lambda: numbers.percent(0.99999), "> 99.9 %", f"> 99,9{SPACE}%", "> 99.9%"),
        (lambda: numbers.percent(1e-9), "< 0.1 %", f"< 0,1{SPACE}%", "< 0.1%"),
        (lambda: numbers.percent(0.999, 0), "> 99 %", f"> 99{SPACE}%", "> 99%"),
        (lambda: numbers.in_millions(47_392), "47,392", "47.392", "47,392"),
        (lambda: numbers.in_millions(134_515_008), "134.5 million", "134,52 Millionen", "13.45 करोड़"),
        (lambda: numbers.in_millions(1_720_574_976), "1.72 billion", "1,72 Milliarden", "1.72 अरब"),
        (lambda: numbers.in_bytes(999), "999 B", "999 Byte", "999 बाइट"),
        (lambda: numbers.in_bytes(127_880), "128 kB", "128 kB", "128 kB"),
        (lambda: numbers.in_bytes(1_360_000_000), "1.36 GB", f"1,36{SPACE}GB", "1.36 GB"),
        (lambda: numbers.in_seconds(0.3), "1 second", "1 Sekunde", "1 सेकंड"),
        (lambda: numbers.in_seconds(75), "2 minutes", "2 Minuten", "2 मिनट"),
        (lambda: numbers.in_units(2, "week"), "2 weeks", "2 Wochen", "2 सप्ताह"),
        (lambda: numbers.day(date(2026, 1, 8)), "8 January 2026", "8. Januar 2026", "8 जनवरी 2026"),
        (lambda: numbers.short_day(date(2026, 1, 8)), "8 Jan", "8. Jan.", "8 जन॰"),
        (lambda: numbers.month(date(2026, 1, 8)), "Jan 2026", "Jan. 2026", "जन॰ 2026"),
        (lambda: lists.joined("abc"), "a, b and c", "a, b und c", "a, b और c"),
        (lambda: lists.either("ab"), "a or b", "a oder b", "a या b"),
        (lambda: lists.enumerated("ab"), "a, b", "a, b", "a, b"),
        (lambda: lists.in_a_row(map(str, (1, 2))), "1, 2", "1; 2", "1, 2"),
        (lambda: lists.joined("a"), "a", "a", "a"),
        (lambda: lists.joined(""), "", "", ""),
    ],
)
def test_each_language_writes_as_its_people_do(write: Callable[[], str], english: str, german: str, hindi: str) -> None:
    said = {}
    for locale in ("en", "de", "hi"):
        with written_in(locale):
            said[locale] = write()
    assert said == {"en": english, "de": german, "hi": hindi}


def test_japanese_lists_and_french_groups_have_signs_of_their_own() -> None:
    with written_in("ja"):
        assert (lists.enumerated("ab"), lists.either("abc")) == ("a、b", "a、b、またはc")
    with written_in("fr"):
        assert numbers.whole(47_392) == f"47{NARROW}392"


def test_a_locale_that_nobody_knows_writes_like_english() -> None:
    with written_in("tlh"):
        assert (numbers.whole(47_392), lists.joined("ab")) == ("47,392", "a and b")


def test_messages_in_lists_and_numbers_that_are_none_are_translated() -> None:
    with marked():
        assert lists.joined([later("text"), later("label")]) == "⟦text⟧ and ⟦label⟧"
        assert {numbers.percent(float("nan")), numbers.decimal(float("inf"), 2), numbers.significant(float("nan"))} == {
            "⟦unknown⟧"
        }
