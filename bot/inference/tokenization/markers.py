"""Markers, strings that a model reads as the border between two speakers. In what people type, a space breaks them."""

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
from bot.text.graphemes import Span

_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cc", "Cs"))
_NUMBER = re.compile(r"\d+")
_NOTHING = re.compile(r"(?!)")


class MarkerPosition(Enum):
    """The positions at which a marker has a meaning."""

    ANYWHERE = "anywhere"
    LINE_START = "at the start of a line"
    LINE = "as a whole line"


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
        letters = [(letter, offset) for offset, one in enumerate(text) for letter in _fold(one)]
        return cls("".join(letter for letter, _ in letters), [offset for _, offset in letters])


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    if line_breaks(character) == "\n":
        return "\n"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in without_ignorable(plain) if unicodedata.category(one) not in _UNSEEN)


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
        self.longest = max((len(one) for some in by_position.values() for one in some), default=0)
        self._pattern = _pattern(by_position)

    def find(self, text: str) -> list[Span]:
        """Return the spans of all markers."""
        folded = Folded.of(text)
        found = (match.span(match.lastgroup or 0) for match in self._pattern.finditer(folded.text))
        return [Span(folded.offsets[start], folded.offsets[end - 1] + 1) for start, end in found]

    def broken(self, text: str) -> str:
        """Break every marker by a space, also those that arise from that."""
        for _ in range(len(text) + 1):
            folded = Folded.of(text)
            breaks = [
                _where_to_break(folded, *match.span(match.lastgroup or 0))
                for match in self._pattern.finditer(folded.text)
            ]
            if not breaks:
                break
            for offset, replaced in reversed(breaks):
                text = f"{text[:offset]} {text[offset + replaced :]}"
        return text


def broken(text: str, tokens: Iterable[str]) -> str:
    """Break every occurrence of some tokens by a space."""
    return Markers(map(Marker, tokens)).broken(text)


_NUMBERED = 8
"""From so many markers on that differ only in their numbers, one pattern stands for all: a vocabulary may hold
`<unused0>` to `<unused6241>`."""


def _pattern(by_position: dict[MarkerPosition, set[str]]) -> re.Pattern[str]:
    kinds = {
        MarkerPosition.ANYWHERE: "(?P<anywhere>{})",
        MarkerPosition.LINE_START: r"^[^\S\n]*(?P<start>{})",
        MarkerPosition.LINE: r"^[^\S\n]*(?P<line>{})(?=[^\S\n]*$)",
    }
    parts = [form.format("|".join(_any_of(by_position[one]))) for one, form in kinds.items() if by_position[one]]
    return re.compile("|".join(parts), re.MULTILINE) if parts else _NOTHING


def _any_of(markers: Iterable[str]) -> list[str]:
    """Return the patterns of markers, the longest first."""
    alike: dict[str, list[str]] = defaultdict(list)
    for marker in sorted(markers, key=len, reverse=True):
        alike[_NUMBER.sub("0", marker)].append(marker)
    patterns = [
        [_NUMBER.sub(r"\\d+", _one(some[0]))] if len(some) >= _NUMBERED else map(_one, some) for some in alike.values()
    ]
    return [one for some in patterns for one in some]


def _one(marker: str) -> str:
    """Return a marker's pattern. Words must be whole: `USER:` does not match in `superuser:`."""
    words = r"\s+".join(map(re.escape, marker.split()))
    return rf"(?<!\w){words}" if marker[0].isalnum() else words


def _where_to_break(folded: Folded, start: int, end: int) -> tuple[int, int]:
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
