"""Markers: strings that a model reads as the border between two speakers. A space breaks those that people type."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain, pairwise

from bot.text.characters import line_breaks, without_ignorable
from bot.text.graphemes import Span

_INVISIBLE = frozenset(("Mn", "Me", "Cf", "Cc", "Cs"))  # categories of characters, and of accents
_NUMBER = re.compile(r"\d+")
_NOTHING = re.compile(r"(?!)")


class MarkerPosition(Enum):
    """The positions at which a marker has a meaning, with the pattern that finds it there."""

    ANYWHERE = "(?P<anywhere>{})"
    LINE_START = r"^[^\S\n]*(?P<start>{})"
    LINE = r"^[^\S\n]*(?P<line>{})(?=[^\S\n]*$)"


@dataclass(frozen=True)
class Marker:
    """A string that stands between two speakers, such as `<|im_end|>`, `[/INST]` or `Assistant:`."""

    text: str
    position: MarkerPosition = MarkerPosition.ANYWHERE


@dataclass(frozen=True)
class Folded:
    """A text as the most lenient tokenizer reads it: in lower case, without accents and invisible characters.

    Attributes:
        text: in compatibility form, so that `＜` is `<`.
        offsets: of the original characters, one for each character of `text`.
    """

    text: str
    offsets: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Folded:
        """Fold a text."""
        if text.isascii() and text.replace("\n", "").isprintable():
            return cls(text.lower(), range(len(text)))
        letters = [(letter, offset) for offset, character in enumerate(text) for letter in _fold(character)]
        return cls("".join(letter for letter, _ in letters), [offset for _, offset in letters])


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    if line_breaks(character) == "\n":
        return "\n"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in without_ignorable(plain) if unicodedata.category(one) not in _INVISIBLE)


class Markers:
    """Finds and breaks markers in a text, in other letters too: `<|IM_END|>`, `＜|im_end|＞`.

    Attributes:
        longest: the length of the longest marker.
    """

    def __init__(self, markers: Iterable[Marker]) -> None:
        by_position: dict[MarkerPosition, set[str]] = {position: set() for position in MarkerPosition}
        for marker in markers:
            folded = Folded.of(marker.text).text.strip()
            if any(not first.isspace() and not second.isspace() for first, second in pairwise(folded)):
                by_position[marker.position].add(folded)
        self.longest = max(map(len, chain.from_iterable(by_position.values())), default=0)
        self._pattern = _pattern(by_position)

    def find(self, text: str) -> list[Span]:
        """Return the spans of all markers."""
        folded = Folded.of(text)
        return [Span(folded.offsets[start], folded.offsets[end - 1] + 1) for start, end in self._matches(folded)]

    def broken(self, text: str) -> str:
        """Break every marker by a space, also those that arise from that."""
        for _ in range(len(text) + 1):
            folded = Folded.of(text)
            breaks = [_break_of(folded, *match) for match in self._matches(folded)]
            if not breaks:
                break
            for offset, replaced in reversed(breaks):
                text = f"{text[:offset]} {text[offset + replaced :]}"
        return text

    def _matches(self, folded: Folded) -> list[tuple[int, int]]:
        return [match.span(match.lastgroup or 0) for match in self._pattern.finditer(folded.text)]


def broken(text: str, tokens: Iterable[str]) -> str:
    """Break every occurrence of some tokens by a space."""
    return Markers(map(Marker, tokens)).broken(text)


_NUMBERED = 8
"""As many markers that differ only in their numbers share a pattern: a vocabulary may hold `<unused0>` to
`<unused6241>`."""


def _pattern(by_position: dict[MarkerPosition, set[str]]) -> re.Pattern[str]:
    parts = [position.value.format("|".join(_any_of(texts))) for position, texts in by_position.items() if texts]
    return re.compile("|".join(parts), re.MULTILINE) if parts else _NOTHING


def _any_of(markers: Iterable[str]) -> list[str]:
    """Return the patterns of markers, the longest first."""
    alike: dict[str, list[str]] = defaultdict(list)
    for marker in sorted(markers, key=len, reverse=True):
        alike[_NUMBER.sub("0", marker)].append(marker)
    patterns = [
        [_NUMBER.sub(r"\\d+", _words(group[0]))] if len(group) >= _NUMBERED else map(_words, group)
        for group in alike.values()
    ]
    return list(chain.from_iterable(patterns))


def _words(marker: str) -> str:
    """Return a marker's pattern. Words must be whole: `USER:` does not match in `superuser:`."""
    words = r"\s+".join(map(re.escape, marker.split()))
    return rf"(?<!\w){words}" if marker[0].isalnum() else words


def _break_of(folded: Folded, start: int, end: int) -> tuple[int, int]:
    """Return the offset at which a space breaks a marker, and how many characters the space replaces."""
    inside = [
        index
        for index in range(start + 1, end)
        if folded.offsets[index] != folded.offsets[index - 1]
        and not {" ", "\n"} & {*folded.text[index - 1 : index + 1]}
    ]
    if not inside:  # one character stands for the whole marker
        return folded.offsets[start], folded.offsets[end - 1] + 1 - folded.offsets[start]
    # `Assistant :` stays readable, and so does `< |im_end|>`.
    is_word = folded.text[start].isalnum() and not folded.text[end - 1].isalnum()
    return folded.offsets[inside[-1] if is_word else inside[0]], 0
