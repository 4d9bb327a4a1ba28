"""Strings that a model reads as the border between two speakers, and how they are broken where a person types them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from bot.text.characters import line_breaks, without_ignorable

_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cc", "Cs"))
_NUMBER = re.compile(r"\d+")
_NOTHING = re.compile(r"(?!)")


class Place(Enum):
    """Where a marker has a meaning."""

    ANYWHERE = "anywhere"
    LINE_START = "at the start of a line"
    LINE = "as a whole line"


@dataclass(frozen=True)
class Marker:
    """A string that stands between two speakers, such as `<|im_end|>`, `[/INST]` or `Assistant:`."""

    text: str
    place: Place = Place.ANYWHERE


@dataclass(frozen=True)
class Span:
    """Characters of a text."""

    start: int
    end: int


@dataclass(frozen=True)
class Folded:
    """A text as the most lenient tokenizer reads it: in lower case, without accents and what nobody sees.

    Attributes:
        text: in compatibility form, so that `＜` is `<`.
        origins: for each of its characters the place of the one that it comes from.
    """

    text: str
    origins: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Folded:
        """Fold a text."""
        if text.isascii() and text.replace("\n", "").isprintable():
            return cls(text.lower(), range(len(text)))
        letters = [(letter, place) for place, one in enumerate(text) for letter in _fold(one)]
        return cls("".join(letter for letter, _ in letters), [place for _, place in letters])


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    if line_breaks(character) == "\n":
        return "\n"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in without_ignorable(plain) if unicodedata.category(one) not in _UNSEEN)


class Markers:
    """Finds markers in a text and breaks them, also in other letters: `<|IM_END|>`, `＜|im_end|＞`.

    Attributes:
        longest: the most characters of one.
    """

    def __init__(self, markers: Iterable[Marker]) -> None:
        by_place: dict[Place, set[str]] = {place: set() for place in Place}
        for marker in markers:
            folded = Folded.of(marker.text).text.strip()
            if any(not first.isspace() and not second.isspace() for first, second in pairwise(folded)):
                by_place[marker.place].add(folded)
        self.longest = max((len(one) for some in by_place.values() for one in some), default=0)
        self._pattern = _pattern(by_place)

    def find(self, text: str) -> list[Span]:
        """Where markers stand, in characters of the text."""
        folded = Folded.of(text)
        found = (match.span(match.lastgroup or 0) for match in self._pattern.finditer(folded.text))
        return [Span(folded.origins[start], folded.origins[end - 1] + 1) for start, end in found]

    def broken(self, text: str) -> str:
        """A text in which a space breaks every marker, and the ones that come about by that."""
        for _ in range(len(text) + 1):
            folded = Folded.of(text)
            places = [
                _where_to_break(folded, *match.span(match.lastgroup or 0))
                for match in self._pattern.finditer(folded.text)
            ]
            if not places:
                break
            for place, replaced in reversed(places):
                text = f"{text[:place]} {text[place + replaced :]}"
        return text


def broken(text: str, tokens: Iterable[str]) -> str:
    """A text in which a space breaks every one of some tokens."""
    return Markers(map(Marker, tokens)).broken(text)


_NUMBERED = 8
"""So many markers that differ in their numbers are one: a vocabulary may hold `<unused0>` to `<unused6241>`."""


def _pattern(by_place: dict[Place, set[str]]) -> re.Pattern[str]:
    kinds = {
        Place.ANYWHERE: "(?P<anywhere>{})",
        Place.LINE_START: r"^[^\S\n]*(?P<start>{})",
        Place.LINE: r"^[^\S\n]*(?P<line>{})(?=[^\S\n]*$)",
    }
    parts = [form.format("|".join(_any_of(by_place[place]))) for place, form in kinds.items() if by_place[place]]
    return re.compile("|".join(parts), re.MULTILINE) if parts else _NOTHING


def _any_of(markers: Iterable[str]) -> list[str]:
    """Patterns of markers, the longest first."""
    alike: dict[str, list[str]] = defaultdict(list)
    for marker in sorted(markers, key=len, reverse=True):
        alike[_NUMBER.sub("0", marker)].append(marker)
    patterns = [
        [_NUMBER.sub(r"\\d+", _one(some[0]))] if len(some) >= _NUMBERED else map(_one, some) for some in alike.values()
    ]
    return [one for some in patterns for one in some]


def _one(marker: str) -> str:
    """A marker's pattern. A word is whole: `USER:` does not stand in `superuser:`."""
    words = r"\s+".join(map(re.escape, marker.split()))
    return rf"(?<!\w){words}" if marker[0].isalnum() else words


def _where_to_break(folded: Folded, start: int, end: int) -> tuple[int, int]:
    """Where a space goes into a marker, in characters of the text, and how many of them it takes the place of."""
    inside = [
        place
        for place in range(start + 1, end)
        if folded.origins[place] != folded.origins[place - 1]
        and not folded.text[place - 1 : place + 1].count(" ")
        and "\n" not in folded.text[place - 1 : place + 1]
    ]
    if not inside:  # one character that stands for all of it
        return folded.origins[start], folded.origins[end - 1] + 1 - folded.origins[start]
    # `Assistant :` stays readable, and so does `< |im_end|>`.
    is_word = folded.text[start].isalnum() and not folded.text[end - 1].isalnum()
    return folded.origins[inside[-1] if is_word else inside[0]], 0
