from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100_CODES
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB_CODES

from bot.errors import InvalidRequest
from bot.inference.language_pairs import LanguagePairs
from bot.inference.languages import find_language, language
from tests.support import refusal_of


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("de", "de"),
        ("DE", "de"),
        (" German ", "de"),
        ("german", "de"),
        ("Deutsch", "de"),
        ("deu", "de"),
        ("ger", "de"),
        ("français", "fr"),
        ("中文", "zh"),
        ("chinese", "zh"),
        ("日本語", "ja"),
        ("en-GB", "en-GB"),
        ("pt-br", "pt-BR"),
        ("deu_Latn", "de"),
        ("zho_Hant", "zh-Hant"),
        ("ro_RO", "ro-RO"),
        ("gu_IN", "gu-IN"),
        ("pt_XX", "pt"),
    ],
)
def test_any_name_of_a_language(typed: str, code: str) -> None:
    assert find_language(typed).code == code


@given(st.text(max_size=30))
def test_whatever_somebody_types(typed: str) -> None:
    refusal = refusal_of(lambda: find_language(typed))
    if refusal is not None:
        assert refusal.startswith(("I know no language called “", "I need the name of a language."))
        return
    found = find_language(typed)
    assert found == language(found.code)
    assert str(found).startswith(found.name)


@pytest.mark.parametrize("typed", ["", " ", "Gibberish", "x", "🦆", "@everyone"])
def test_languages_that_nobody_knows(typed: str) -> None:
    with pytest.raises(InvalidRequest, match=r"such as `de` or `fr`"):
        find_language(typed)


@pytest.mark.parametrize("typed", ["qqq", "und", "x-foo", "de-ZZ", "de-Qaaa", "mul", "zxx", "unknown language"])
def test_tags_that_are_well_formed_but_no_language(typed: str) -> None:
    with pytest.raises(InvalidRequest, match=r"such as `de` or `fr`"):
        find_language(typed)


@pytest.mark.parametrize("typed", ["\x00German\x00", "Ger\u200bman", "\ud800de\n", "\x1b de"])
def test_characters_that_cannot_be_seen(typed: str) -> None:
    assert find_language(typed).code == "de"


def test_null_characters() -> None:
    with pytest.raises(InvalidRequest):
        find_language("\x000ࠀ")


def test_names() -> None:
    assert str(language("de")) == "German (Deutsch)"
    assert str(language("en")) == "English"
    assert language("de").matches("Deu")
    assert language("de").matches("ger")
    assert language("de").matches("")
    assert not language("de").matches("fr")


@pytest.mark.parametrize("codes", [M2M100_CODES["m2m100"], NLLB_CODES], ids=["m2m100", "nllb"])
def test_codes_of_the_tokenizers_stay_apart(codes: list[str]) -> None:
    """Of two codes with one tag, one could never be chosen. NLLB alone has a pair: Akan, of which Twi is a dialect."""
    tags = [language(code).code for code in codes]
    assert {tag for tag in tags if tags.count(tag) > 1} <= {"ak-Latn"}


class TestPairs:
    def test_exactly_these(self) -> None:
        pairs = LanguagePairs.of([("en", "de"), ("en", "fr"), ("de", "en")])
        assert pairs.sources() == {"en", "de"}
        assert pairs.sources("fr") == {"en"}
        assert pairs.into() == {"en", "de", "fr"}
        assert pairs.into("en") == {"de", "fr"}
        assert pairs.into("xx") == frozenset()
        assert pairs.find("fr", "en") is None

    def test_any_into_any_other(self) -> None:
        pairs = LanguagePairs.among(["en", "de", "fr"])
        assert pairs.find("de", "fr") == ("de", "fr")
        assert pairs.find("de", "de") is None

    def test_none_at_all(self) -> None:
        assert LanguagePairs.of([]).into() == frozenset()

    @pytest.mark.parametrize(
        ("source", "target", "found"),
        [
            ("en", "zh", ("en", "zh-Hans")),
            ("en", "zh-Hant", ("en", "zh-Hant")),
            ("en-GB", "zh-Hans", ("en", "zh-Hans")),
            ("en", "pt-BR", ("en", "pt")),
            ("en", "ja", None),
            ("zh", "zh-Hant", ("zh-Hans", "zh-Hant")),
            ("en", "zh-TW", ("en", "zh-Hant")),
            ("zh-HK", "en", ("zh-Hant", "en")),
            ("en", "zh-SG", ("en", "zh-Hans")),
        ],
    )
    def test_the_nearest_of_a_language(self, source: str, target: str, found: tuple[str, str] | None) -> None:
        assert LanguagePairs.among(["en", "zh-Hans", "zh-Hant", "pt"]).find(source, target) == found
