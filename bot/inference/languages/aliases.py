"""Names of languages that CLDR does not list, and similar names where there is no language of a name."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

import langcodes
import regex

FURTHER_CODES: Mapping[str, str] = MappingProxyType({"ns": "nso"})
"""Codes of tokenizers that ISO 639 does not have: M2M100 calls Northern Sotho `ns`."""

FURTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "汉": "zh", "漢": "zh", "汉语": "zh", "漢語": "zh", "华语": "zh", "華語": "zh", "国语": "zh", "國語": "zh",
        "中": "zh", "中国語": "zh", "中国话": "zh", "中國": "zh", "正體": "zh-Hant", "正體中": "zh-Hant",
        "普通": "zh", "廣東": "yue", "简体": "zh-Hans", "簡體": "zh-Hans", "繁体": "zh-Hant",
        "繁體": "zh-Hant", "英": "en", "日": "ja", "日本": "ja", "韓": "ko", "韩": "ko", "朝鮮語": "ko", "조선말": "ko",
        "俄": "ru", "德": "de", "法": "fr", "西": "es", "serbocroatian": "sh", "srpskohrvatski": "sh",
        "hrvatskosrpski": "sh", "bokmal": "nb", "norsk bokmal": "nb", "mandarin": "zh", "pilipino": "fil",
        "brazilian": "pt-BR", "brasileiro": "pt-BR", "american": "en-US", "british": "en-GB",
        "castellano": "es", "valenciano": "ca", "melayu": "ms", "bahasa": "id",
    }
)  # fmt: skip
"""Codes by folded name (see `folded`)."""

_AROUND = regex.compile(
    r"^(?:the |la |el |le |l'|lingua |langue |lengua |língua |idioma |bahasa |ภาษา ?|tiếng |język |język |jezik |"
    r"jazyk |limba |gjuha |lugha ya |wikang |zuban |язык |мова |اللغة ال|اللغة |لغة |زبان |שפה )"
    r"|(?: language| langue| lengua| sprache| språk| språket| sprog| taal| język| jazyk| jezik| nyelv| kieli| keel"
    r"| dili| язык| мова| език| јазик| језик| γλώσσα| 语言|语言|語言|语|語|话|話|文|말|어| भाषा| ভাষা| மொழி| زبان)$",
    regex.IGNORECASE,
)
"""The word for "language" before or after a language's name."""

_NAMED = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "ja", "ko", "zh", "vi", "sv",
    "ro", "cs", "el", "hu", "da", "fi", "no", "nb", "nn", "he", "fa", "th", "bg", "hr", "sr", "sk", "sl", "lt", "lv",
    "et", "ca", "gl", "eu", "ga", "cy", "is", "sq", "mk", "be", "ka", "hy", "az", "kk", "uz", "bn", "ta", "te", "ml",
    "mr", "gu", "pa", "ur", "ne", "si", "my", "km", "lo", "ms", "fil", "sw", "af", "am", "so", "zu", "yo", "la", "eo",
)  # fmt: skip
"""What a misspelt name may be taken for."""
_CLOSE = 0.66
"""Similarity of a misspelt name, from 0 to 1 (see `difflib.SequenceMatcher`)."""
_MOST = 3


def folded(name: str) -> str:
    """A name without case, accents, compatibility forms (full-width letters) and punctuation at its ends."""
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name).casefold())
    plain = "".join(one for one in letters if not "\u0300" <= one <= "\u036f")
    return " ".join(unicodedata.normalize("NFC", plain).split()).strip(".,;:!?\"'()")


def bare_name(name: str) -> str:
    """A name without the word for "language": `русский язык` → `русский`, `ภาษาไทย` → `ไทย`."""
    bare = _AROUND.sub("", name).strip()
    return str(_AROUND.sub("", bare).strip() or bare)


def suggestions(typed: str) -> list[str]:
    """Codes of the languages that somebody may mean who typed something that is none: at most three, likeliest first.

    A country or its code stands for the language that most people speak there.
    """
    if not typed:
        return []
    names = common_names()
    near = difflib.get_close_matches(folded(typed), names, n=3 * _MOST, cutoff=_CLOSE)
    return list(dict.fromkeys([*_spoken_in(typed), *(names[name] for name in near)]))[:_MOST]


def _spoken_in(typed: str) -> Iterator[str]:
    """The language of a country."""
    territory = typed.upper() if regex.fullmatch("[A-Za-z]{2}", typed) else None
    if territory is None:
        try:
            territory = langcodes.Language.find_name("territory", typed, langcodes.Language.get("en")).territory
        except (LookupError, ValueError):
            return
    spoken = langcodes.Language.make(territory=territory)
    if "Unknown" not in spoken.territory_name() and (likely := spoken.maximize().language) in _NAMED:
        yield likely


@cache
def common_names() -> dict[str, str]:
    """Codes by folded name, in English and in the language itself."""
    tags = {code: langcodes.Language.get(code) for code in _NAMED}
    return {folded(name): code for code, tag in tags.items() for name in (tag.autonym(), tag.display_name())}
