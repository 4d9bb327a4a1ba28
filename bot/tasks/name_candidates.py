"""Parts of a text that may be names: words that begin with a capital letter, and stand together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]

LONGEST_NAME = 80
"""Characters; what is longer is no name."""
LONGEST_SENTENCE = 300
"""Characters of the sentence around a candidate."""

_CAPITALISED = r"\p{Lu}[\p{L}\p{M}\p{N}'’&-]*"
_RUN = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}]){_CAPITALISED}(?:[ ](?:(?:of|de|van|von|der|di|da|del|la)[ ])?{_CAPITALISED})*"
)
_POSSESSIVE = regex.compile("['’]s?$")
_SENTENCE_END = regex.compile(r"(?<=[.!?…])\s+|\s*\n\s*")
_COMMON = """
    a an the i you he she it we they this that these those my your his her its our their there here who whom what when
    where why how which is are was were am be do does did has have had can could will would shall should may might must
    not no nor yes if then so but and or as at by for from in into of off on out over to up with about after before
    since until while because although however nothing nobody everything everybody every each some any all both dear
    yesterday today tomorrow tonight monday tuesday wednesday thursday friday saturday sunday january february march
    april may june july august september october november december dr mr mrs ms prof professor please hello hi thanks
    thank now later soon once first last next more most many much few other another
"""
_NO_NAMES = frozenset(_COMMON.split())
"""Words that have a capital letter only because they begin a sentence, days, months and titles."""


@dataclass(frozen=True)
class CandidateName:
    """What may be a name.

    Attributes:
        places: where it stands in the text, (first character, the one after its last), once or more often.
        sentence: the one that it stands in first.
    """

    name: str
    places: tuple[tuple[int, int], ...]
    sentence: str


def find_candidates(text: str) -> list[CandidateName]:
    """The candidates in the order in which they first appear. Scripts without capital letters have none."""
    places: dict[str, list[tuple[int, int]]] = {}
    for start, end in _runs(text):
        places.setdefault(text[start:end], []).append((start, end))
    return [CandidateName(name, tuple(found), _sentence(text, *found[0])) for name, found in places.items()]


def _runs(text: str) -> Iterator[tuple[int, int]]:
    for match in _RUN.finditer(text):
        start, end = match.span()
        words = match[0].split(" ")
        while words and words[0].casefold() in _NO_NAMES:
            start += len(words.pop(0)) + 1
        if not words:
            continue
        end -= len(text[start:end]) - len(_POSSESSIVE.sub("", text[start:end]))
        if end - start <= LONGEST_NAME and any(map(str.isalnum, text[start:end])):
            yield start, end


def _sentence(text: str, start: int, end: int) -> str:
    """The sentence around a place, cut at both sides where it is long."""
    borders = [0, *(border for match in _SENTENCE_END.finditer(text) for border in match.span()), len(text)]
    first = max(border for border in borders if border <= start)
    last = min(border for border in borders if border >= end)
    around = (LONGEST_SENTENCE - (end - start)) // 2
    return text[max(first, start - around) : min(last, end + around)].strip()
