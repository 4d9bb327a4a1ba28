from __future__ import annotations

import pytest

from bot.locales.current import written_in
from bot.replies.components.autocompletion import MOST_CHOICES, language_choices

CODES = ["en", "de", "fr", "es", "zh-Hans", "nds"]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("ger", ["de", "nds"]),
        ("deu", ["de"]),
        ("DE", ["de"]),
        ("français", ["fr"]),
        ("中", ["zh-Hans"]),
        ("zh", ["zh-Hans"]),
        ("klingon", []),
        ("", ["en", "de", "fr", "es", "zh-Hans", "nds"]),
    ],
)
def test_languages_by_any_name(typed: str, codes: list[str]) -> None:
    assert {choice.value for choice in language_choices(typed, CODES)} == set(codes)


def test_common_languages_come_first() -> None:
    assert [choice.value for choice in language_choices("", ["sw", "de", "en"])] == ["en", "de", "sw"]


def test_a_whole_code_comes_first() -> None:
    assert next(iter(language_choices("fi", ["fil", "fi"]))).value == "fi"


def test_both_names_are_shown() -> None:
    assert [choice.name for choice in language_choices("de", ["de"])] == ["German (Deutsch)"]


def test_discord_takes_25() -> None:
    assert len(language_choices("", None)) == MOST_CHOICES


def test_languages_have_their_names_in_the_language_of_whoever_asks() -> None:
    with written_in("de"):
        assert [choice.name for choice in language_choices("Franz", None)] == ["Französisch (français)"]
        assert [choice.name for choice in language_choices("German", None)] == ["Deutsch"]
