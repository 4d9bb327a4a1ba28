"""The languages behind flags, from CLDR."""

from __future__ import annotations

import pytest

from bot.flags.territories import MOST_LANGUAGES, languages_of, territory_of
from bot.inference.languages.pairs import LanguagePairs

KNOWN = LanguagePairs.among(["en", "de", "fr", "it", "nl", "es", "zh", "no", "hi", "cy", "uk", "ru", "pt"])


@pytest.mark.parametrize(
    ("emoji", "territory"),
    [
        ("🇨🇭", "CH"),
        ("🇪🇺", "EU"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f", "GBWLS"),
        ("🏴‍☠️", None),
        ("🇨", None),
        ("🇨🇭🇨🇭", None),
        ("CH", None),
        ("🐕", None),
        ("", None),
    ],
)
def test_the_territory_of_a_flag(emoji: str, territory: str | None) -> None:
    assert territory_of(emoji) == territory


@pytest.mark.parametrize(
    ("territory", "languages"),
    [
        ("DE", ["de"]),
        ("CH", ["de", "fr", "it"]),
        ("BE", ["nl", "fr", "de"]),
        ("CA", ["en", "fr"]),
        ("IN", ["hi", "en"]),
        ("TW", ["zh"]),  # Traditional Chinese, by a checkpoint that knows one Chinese
        ("NO", ["no"]),  # both written forms
        ("ES", ["es"]),  # not the languages of its regions
        ("UA", ["uk"]),  # the official language only
        ("US", ["en"]),  # there is none by law
        ("ZA", ["en"]),
        ("GBWLS", ["en", "cy"]),
        ("JP", []),  # the checkpoint knows no Japanese
        ("EU", []),
        ("QQ", []),
    ],
)
def test_those_that_the_checkpoint_translates_into(territory: str, languages: list[str]) -> None:
    assert list(languages_of(territory, KNOWN)) == languages


def test_all_that_a_country_has() -> None:
    assert {"hi", "en", "bn", "ta"} < set(languages_of("IN", None))
    assert len(languages_of("ZA", None)) == 11
    assert all(len(languages_of(code, None)) <= MOST_LANGUAGES for code in ("IN", "CN", "RU", "ID"))
