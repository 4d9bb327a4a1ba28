from __future__ import annotations

import contextlib
import itertools
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100_CODES
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB_CODES

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import find_language, language
from bot.inference.languages.pairs import LanguagePairs
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


NAMES = {
    "zh": "汉语 漢語 中文 普通话 国语 中国語 Mandarin chinês",
    "th": "ภาษาไทย ไทย Thai",
    "es": "espan\u0303ol español espanol ESPAÑOL castellano Ｓｐａｎｉｓｈ",
    "de": "Ｇｅｒｍａｎ ｄｅ ＤＥ ドイツ語 немецкий alemán Deutsch deu_Latn de",
    "ja": "日本語 日本 Japanese japonés",
    "ko": "한국어 朝鮮語 Korean",
    "ar": "العربية arb_Arab Arabic",
    "hi": "हिन्दी हिंदी Hindi",
    "el": "Ελληνικά ελληνικα Ε\u0301λληνικά\u0301 Greek ell_Grek",
    "ka": "ქართული Georgian",
    "he": "עברית iw Hebrew heb_Hebr",
    "fa": "فارسی Farsi Persian pes_Arab",
    "fr": "franc\u0327ais français francais FRANÇAIS fra_Latn",
    "id": "in id Indonesian ind_Latn",
    "ms": "ms Malay zsm_Latn Melayu",
    "fil": "fil tl Tagalog Filipino",
    "nb": "nob_Latn nb bokmål Bokmal",
    "nn": "nno_Latn nn nynorsk",
    "no": "no norsk Norwegian",
    "zh-Hant": "zho_Hant zh-Hant",
    "pt-BR": "pt_BR pt-br",
    "sr-Latn": "sh",
    "nso": "ns nso",
    "lo": "Lao lo",
    "fon": "Fon",
}


@pytest.mark.parametrize(("typed", "code"), [(typed, code) for code, names in NAMES.items() for typed in names.split()])
def test_what_people_call_languages(typed: str, code: str) -> None:
    """Rows G15 and G17 and their kind."""
    assert find_language(typed).code == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Traditional Chinese", "zh-Hant"),
        ("русский язык", "ru"),
        ("українська мова", "uk"),
        ("język polski", "pl"),
        ("lingua italiana", "it"),
        ("Bahasa Indonesia", "id"),
        ("bahasa melayu", "ms"),
        ("Tiếng Việt", "vi"),
        ("tieng viet", "vi"),
        ("اللغة العربية", "ar"),
        ("Czech language", "cs"),
        ("Norwegian Bokmål", "nb"),
        ("Serbo-Croatian", "sr-Latn"),
        ("Brazilian Portuguese", "pt-BR"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("French (Canada)", "fr-CA"),
        ("Chinese (Simplified)", "zh-Hans"),
        ("Serbian (Latin)", "sr-Latn"),
        ("中文（繁體）", "zh-Hant"),
        ("中文(简体)", "zh-Hans"),
        ("正體中文", "zh-Hant"),
        ("廣東話", "yue"),
        ("普通話", "zh"),
        ("Malay (Bahasa Melayu)", "ms"),
        ("German (whatever)", "de"),
    ],
)
def test_names_of_several_words(typed: str, code: str) -> None:
    assert find_language(typed).code == code


@pytest.mark.parametrize("code", ["pt-BR", "pt-PT", "zh-Hans", "zh-Hant", "sr-Latn", "en-GB", "az-Latn", "zh-HK"])
def test_names_as_they_are_shown(code: str) -> None:
    assert find_language(language(code).name).code == code


@given(st.sampled_from([*M2M100_CODES["m2m100"], *NLLB_CODES]))
def test_codes_of_the_tokenizers(code: str) -> None:
    for typed in (code, code.upper(), f" {code} ", "".join(chr(ord(one) + 0xFEE0) for one in code)):
        assert find_language(typed) == language(code)


@given(st.sampled_from(sorted(language(code).code for code in M2M100_CODES["m2m100"])))
def test_names_in_any_normal_form(code: str) -> None:
    """A name means the same language composed, decomposed, in full width, and in any case."""
    known = language(code)
    for name in (known.own_name, known.name):
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert find_language(unicodedata.normalize(form, name)) == find_language(name)
        assert find_language(name.upper()) == find_language(name)


def test_two_letters_are_a_code_or_nothing() -> None:
    """No two letters are taken for the name of a language in some other one, as `ua` was for Aari."""
    odd = set()
    for typed in map("".join, itertools.product(string.ascii_lowercase, repeat=2)):
        with contextlib.suppress(InvalidRequest):
            code = find_language(typed).code
            odd |= {typed} if code.split("-")[0] != typed else set()
    assert odd == {"bh", "in", "iw", "ji", "jw", "mo", "ns", "sh", "tl", "tw"}  # former codes, and M2M100's `ns`


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ua", "Ukrainian (`uk`)"),
        ("jp", "Japanese (`ja`)"),
        ("cz", "Czech (`cs`)"),
        ("Brazil", "Portuguese (`pt`)"),
        ("Gernam", "German (`de`)"),
        ("Spansh", "Spanish (`es`)"),
        ("Duetsch", "German (`de`)"),
    ],
)
def test_similar_names_are_named(typed: str, meant: str) -> None:
    sentence = refusal_of(lambda: find_language(typed))
    assert sentence is not None
    assert sentence.startswith(f"I know no language called “{typed}”. Did you mean {meant}")


def test_no_similar_name() -> None:
    assert "Did you mean" not in str(refusal_of(lambda: find_language("xx")))


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

    @pytest.mark.parametrize(
        ("known", "code", "right"),
        [
            (["nb", "nn"], "no", "nb"),
            (["nn"], "no", "nn"),
            (["no"], "nb", "no"),
            (["no"], "nn", "no"),
            (["nb"], "nn", None),
            (["no", "nb"], "nb", "nb"),
            (["hr", "bs"], "sr-Latn", "hr"),
            (["sr-Cyrl", "hr"], "sr-Latn", "sr-Cyrl"),
            (["hr"], "sr", None),
            (["fil-Latn"], "fil", "fil-Latn"),
            (["tl"], "fil", "tl"),
            (["ms"], "id", None),
            (["zh"], "zh-Hant", "zh"),
            (["yue-Hant"], "zh", None),
        ],
    )
    def test_macrolanguages(self, known: list[str], code: str, right: str | None) -> None:
        """Rows G12 and G13 and their kind: macrolanguages serve as their members, and the reverse."""
        assert LanguagePairs.among(["en", *known]).find("en", code) == (None if right is None else ("en", right))
        assert LanguagePairs.among(["en", *known]).find(code, "en") == (None if right is None else (right, "en"))

    @pytest.mark.parametrize("typed", ["Norwegian", "norsk", "no"])
    def test_norwegian_of_nllb(self, typed: str) -> None:
        """Row G13."""
        known = LanguagePairs.among(language(code).code for code in NLLB_CODES)
        assert known.find("en", find_language(typed).code) == ("en", "nb")
