"""The languages behind a flag.

Source: Unicode CLDR's `supplementalData.xml` (territoryInfo), which comes with langcodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from xml.etree import ElementTree

import regex

from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs, serving

MOST_LANGUAGES = 25
"""Options of a menu, by Discord's rules."""
MAJORITY = 50.0
"""Per cent of the people of a territory."""

_INDICATOR_A = ord("\N{REGIONAL INDICATOR SYMBOL LETTER A}")
_TAG_SPACE = 0xE0000
_COUNTRY = regex.compile("[\U0001f1e6-\U0001f1ff]{2}")
_REGION = regex.compile("\U0001f3f4([\U000e0061-\U000e007a]{5})\U000e007f")


@dataclass(frozen=True)
class _Spoken:
    """A language with an official role in a territory.

    Attributes:
        code: as CLDR writes it, such as `zh_Hant`.
        share: of the people who speak it, in per cent.
        status: `official`, `de_facto_official`, or `official_regional`.
    """

    code: str
    share: float
    status: str


def territory_of(emoji: str) -> str | None:
    """Return the territory of a flag: `CH`, or `GBWLS` for a part of a country; None for any other emoji."""
    if _COUNTRY.fullmatch(emoji):
        return "".join(chr(ord(letter) - _INDICATOR_A + ord("A")) for letter in emoji)
    if (found := _REGION.fullmatch(emoji)) is not None:
        return "".join(chr(ord(letter) - _TAG_SPACE) for letter in found[1]).upper()
    return None


def languages_of(territory: str, known: LanguagePairs | None) -> Sequence[str]:
    """Return the languages that a flag may mean, by the tags of a checkpoint, those that most people speak first.

    They are the official ones of the whole country. Those of its regions count too if there are several, if none is
    spoken by most people, or if the flag is that of a region.

    Args:
        known: the pairs that a checkpoint translates; None if they are not known yet.
    """
    spoken = _territories().get(territory[:2], ())
    national = [one for one in spoken if one.status == "official"]
    national = national or [one for one in spoken if one.status == "de_facto_official"]
    found = _tags(national, known)
    has_one = len(found) == 1 and any(one.share >= MAJORITY for one in national)
    if not has_one or len(territory) > 2:
        found = _tags([*national, *(one for one in spoken if one.status == "official_regional")], known)
    return found[:MOST_LANGUAGES]


def _tags(spoken: Sequence[_Spoken], known: LanguagePairs | None) -> Sequence[str]:
    targets = None if known is None else known.into()
    codes = (language(one.code).code for one in spoken)
    tags = (code if targets is None else next(iter(serving(code, targets)), None) for code in codes)
    return list(dict.fromkeys(tag for tag in tags if tag is not None))


@cache
def _territories() -> Mapping[str, Sequence[_Spoken]]:
    """Read the languages of all territories, which takes a tenth of a second."""
    content = resources.files("language_data").joinpath("data", "supplementalData.xml").read_bytes()
    found = ElementTree.fromstring(content).iterfind("territoryInfo/territory")  # noqa: S314  # it is a package's own
    return {one.attrib["type"]: tuple(_spoken(one)) for one in found}


def _spoken(territory: ElementTree.Element) -> Iterator[_Spoken]:
    for one in territory.iterfind("languagePopulation"):
        if (status := one.get("officialStatus")) is not None:
            yield _Spoken(one.attrib["type"], float(one.get("populationPercent", 0)), status)
