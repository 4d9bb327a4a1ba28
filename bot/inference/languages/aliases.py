"""Further names of languages, and suggestions for names that no language has."""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

import langcodes
import regex

_DATA = tomllib.loads(resources.files(__package__).joinpath("languages.toml").read_text(encoding="utf-8"))

FURTHER_CODES: Mapping[str, str] = _DATA["codes"]
FURTHER_NAMES = {name: code for code, names in _DATA["names"].items() for name in names}
"""Codes by folded name (see `folded`)."""
RELATED: Mapping[str, Sequence[str]] = _DATA["related"]
"""The tags that a language is also known by, the likeliest first."""
_COMMON: Sequence[str] = _DATA["common"]

_WORD_FOR_LANGUAGE = regex.compile(
    rf"^(?:{'|'.join(map(regex.escape, _DATA['before']))})|(?:{'|'.join(map(regex.escape, _DATA['after']))})$",
    regex.IGNORECASE,
)
_LEAST_SIMILARITY = 0.66
"""Of a misspelt name, from 0 to 1 (see `difflib.SequenceMatcher`)."""
_MOST_SUGGESTIONS = 3


def folded(name: str) -> str:
    """Return a name without case, accents, compatibility forms (full-width letters) and punctuation at its ends."""
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name).casefold())
    plain = "".join(one for one in letters if not "\u0300" <= one <= "\u036f")
    return " ".join(unicodedata.normalize("NFC", plain).split()).strip(".,;:!?\"'()")


def bare_name(name: str) -> str:
    """Remove the word for "language" from a name: `русский язык` → `русский`, `ภาษาไทย` → `ไทย`."""
    bare = _WORD_FOR_LANGUAGE.sub("", name).strip()
    return str(_WORD_FOR_LANGUAGE.sub("", bare).strip() or bare)


def suggestions(typed: str) -> list[str]:
    """Return the codes of the languages that an unknown name may mean: at most three, likeliest first."""
    if not typed:
        return []
    names = common_names()
    near = difflib.get_close_matches(folded(typed), names, n=3 * _MOST_SUGGESTIONS, cutoff=_LEAST_SIMILARITY)
    return list(dict.fromkeys([*_spoken_in(typed), *(names[name] for name in near)]))[:_MOST_SUGGESTIONS]


def _spoken_in(typed: str) -> Iterator[str]:
    """Yield the language that most people speak in a country, given by its name or code, if it is a common one."""
    territory = typed.upper() if regex.fullmatch("[A-Za-z]{2}", typed) else None
    if territory is None:
        try:
            territory = langcodes.Language.find_name("territory", typed, langcodes.Language.get("en")).territory
        except (LookupError, ValueError):
            return
    spoken = langcodes.Language.make(territory=territory)
    if "Unknown" not in spoken.territory_name() and (likely := spoken.maximize().language) in _COMMON:
        yield likely


@cache
def common_names() -> dict[str, str]:
    """Return codes by folded name, in English and in the language itself."""
    tags = {code: langcodes.Language.get(code) for code in _COMMON}
    return {folded(name): code for code, tag in tags.items() for name in (tag.autonym(), tag.display_name())}
