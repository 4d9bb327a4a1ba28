"""Where a text says what somebody has written: as it stands, or at least the most of its words."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile

import regex  # type: ignore[import-untyped]

from bot.text.function_words import FUNCTION_WORDS
from bot.text.graphemes import UNSPACED, Graphemes

QUOTED_SHARE = 0.6
"""The least share of the letters that must stand in the text, in one piece, for a part to be a quote."""

LEAST_STEM, STEM_SHARE = 3, 0.6
"""The least letters, and their share of the longer word, that two forms of a word have in common."""
NEAR, SENTENCE_APART = 3, 10
"""Words that are added to each distance, so that the nearest does not count for everything, and words that the end of a
sentence between counts for."""

Place = tuple[int, int]
"""A part of a text: its first character, and the one after its last."""

_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d]--[{UNSPACED}]]"
_UNIT = regex.compile(
    rf"""
    (?P<number>
        (?: (?<! [\w)\].%] ) [-−+±] \p{{Sc}}? )?         # a sign, which is no hyphen
        (?: \d{{1,4}} - \d{{1,2}} - \d{{1,4}}            # a date
          | (?: (?<! [\w.] ) \. )? \d+ (?: [.,:/'’\u00a0\u202f] \d+ )* )  # decimals, thousands, times, fractions
        {_LETTER}*                                       # units and ordinals: 10km, 4th
    )
    | (?P<word>
        (?: (?<! [\w.] ) \. (?= \p{{L}} ) )?             # .NET
        {_LETTER}+
        (?: (?: ['’] (?! s\b )                           # O'Neill, but Ann's dog
              | [-‐‑&]                                   # Jean-Luc, AT&T
              | (?<= \p{{Lu}} ) \. (?= \p{{Lu}} )        # U.S.
              | \. (?= \p{{Ll}} )                        # Node.js
            ) {_LETTER}+ )*
        (?: \++ \d+ | \++ (?! \w ) | \# (?! \w ) )?      # C++, C#
    )
    | (?P<kana> [\p{{Katakana}}\u30fc]+ )
    | [{UNSPACED}] \p{{M}}*
    | (?= [\p{{Sc}}\p{{So}}%‰] ) \X                       # currencies, per cent, degrees, emoji
    """,
    regex.VERBOSE | regex.VERSION1,
)
_SEAMS = frozenset("'’-‐‑")
"""Where a word may be cut if there is no other place."""
_YEAR = regex.compile(r"\d{4}")
_DATE = regex.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}")
_HANGUL = regex.compile(r"\p{Hangul}+")
"""Korean, whose particles follow a word without a space."""
_INITIALS = regex.compile(r"(?<!\w)\p{L}(?:\.\p{L})+$")
_SENTENCE_END = regex.compile(r"[.!?…]+(?=\s)|[。！？\n]+")
_SAME = str.maketrans({**dict.fromkeys('‘’‚‛`´′“”„‟«»"', "'"), **dict.fromkeys("‐‑‒–—―−", "-")})


def find_place(text: str, quote: str, question: str = "") -> Place | None:
    """Find where a text says something, whatever the case and the shape of quotation marks and dashes.

    The whole of it is looked for as it stands, then the longest run of its words. Words and numbers are whole: "C" is
    not in "C++", nor "10" in "10.5" or "-10". None where the run has too small a part of the letters.

    Args:
        question: what it answers. Of several places the one nearest to the question's words is taken, else the first.
    """
    place = _answering(_places(text, quote), text, question)
    return None if place is None else Graphemes(text).widened(*place)


def same_words(first: str, second: str) -> bool:
    """Whether two texts have the same words and numbers, whatever stands between them."""
    return [one.folded for one in _Units(first).all] == [one.folded for one in _Units(second).all]


def _places(text: str, quote: str) -> list[Place]:
    """All places where a text says something as well as it does anywhere, in their order."""
    wanted, read = _Units(quote), _Units(text)
    return (_whole(read, quote) or _runs(read, wanted.all)) if wanted.all else []


def _answering(places: Sequence[Place], text: str, question: str) -> Place | None:
    """Of several places in a text, the one that answers a question; None where there are none."""
    if len(places) < 2:
        return next(iter(places), None)
    read = _Units(text)
    asked = [found for found in map(read.like, _content(question)) if found]
    return max(places, key=lambda place: sum(_nearness(read, place, found) for found in asked))


@dataclass(frozen=True)
class _Unit:
    """A word, a number or a symbol; a character in scripts that are written without spaces.

    Attributes:
        start: its first character.
        end: the character after its last one.
        kind: the group of `_UNIT` that found it, if any.
        folded: what it has in common with other spellings.
    """

    start: int
    end: int
    kind: str | None
    folded: str


class _Units:
    """A text's units.

    Attributes:
        text: the text.
        all: its units in their order; none overlaps another one.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = [
            _Unit(match.start(), match.end(), match.lastgroup, _fold(match[0])) for match in _UNIT.finditer(text)
        ]
        self._starts = [unit.start for unit in self.all]

    def around(self, border: int) -> _Unit | None:
        """The unit that a border would cut."""
        number = bisect_left(self._starts, border) - 1
        return self.all[number] if number >= 0 and border < self.all[number].end else None

    def first_from(self, border: int) -> int:
        """The number of the first unit that begins at a border or after it."""
        return bisect_left(self._starts, border)

    def like(self, word: str) -> list[int]:
        """The numbers of the units that are forms of a word."""
        return [number for number, unit in enumerate(self.all) if _related(unit.folded, word)]

    @cached_property
    def sentences(self) -> list[int]:
        """For each unit, how many sentences have ended before it."""
        ends = [match.start() for match in _SENTENCE_END.finditer(self.text)]
        return [bisect_left(ends, start) for start in self._starts]


def _fold(text: str) -> str:
    """What a text has in common with other spellings: in compatibility forms, of another case, of other quotes."""
    plain = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
    return unicodedata.normalize("NFKC", plain).translate(_SAME)


class _FoldedText:
    """A text folded grapheme by grapheme, with one space for each stretch of white space.

    Attributes:
        text: the folded text.
        starts: the characters of the original text at which graphemes begin, by the places in the folded one.
        ends: the same, of the characters after their last one.
    """

    def __init__(self, text: str) -> None:
        fold = cache(_fold)
        parts: list[str] = []
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        length = 0
        for match in regex.finditer(r"\X", text):
            folded = " " if match[0].isspace() else fold(match[0])
            if folded == " " and parts and parts[-1] == " ":
                continue
            self.starts[length], length = match.start(), length + len(folded)
            self.ends[length] = match.end()
            parts.append(folded)
        self.text = "".join(parts)

    def places(self, quote: str) -> Iterator[Place]:
        """Where a folded quote stands, at whole graphemes."""
        found = self.text.find(quote)
        while found >= 0:
            start, end = self.starts.get(found), self.ends.get(found + len(quote))
            if start is not None and end is not None:
                yield start, end
            found = self.text.find(quote, found + 1)


def _whole(read: _Units, quote: str) -> list[Place]:
    """Where all of a quote stands, with whole words at its ends; else with parts of compounds."""
    found = list(_FoldedText(read.text).places(_FoldedText(quote.strip()).text))
    for fits in (_is_whole, _is_seamed):
        if places := [place for place in found if fits(read, place)]:
            return _apart(_with_full_stop(read, place) for place in places)
    return []


def _apart(places: Iterable[Place]) -> list[Place]:
    """Those that do not overlap an earlier one."""
    apart: list[Place] = []
    for place in places:
        if not apart or place[0] >= apart[-1][1]:
            apart.append(place)
    return apart


def _is_whole(read: _Units, place: Place) -> bool:
    return all(read.around(border) is None for border in place)


def _is_seamed(read: _Units, place: Place) -> bool:
    """Whether a place cuts words only where parts of them are put together, as in Jean-Luc or スターバックス."""
    cut = [(border, unit) for border in place if (unit := read.around(border)) is not None]
    return all(_is_seam(read.text, border, unit, place) for border, unit in cut)


def _is_seam(text: str, border: int, unit: _Unit, place: Place) -> bool:
    if unit.kind == "number":
        return (
            _DATE.fullmatch(text[unit.start : unit.end]) is not None
            and _YEAR.fullmatch(text[slice(*place)]) is not None
        )
    particle = border == place[1] and _HANGUL.fullmatch(text[unit.start : unit.end]) is not None
    return unit.kind == "kana" or particle or not _SEAMS.isdisjoint(text[border - 1 : border + 1])


def _with_full_stop(read: _Units, place: Place) -> Place:
    """A place with the full stop of the abbreviation that it ends with: U.S."""
    start, end = place
    return (start, end + 1) if _INITIALS.search(read.text[start:end]) and read.text[end : end + 1] == "." else place


def _runs(read: _Units, wanted: Sequence[_Unit]) -> list[Place]:
    """Where the run of words with the most letters stands that the text has in this order.

    It has all numbers: "degrees" alone is no part of "5 degrees" that says the same.
    """
    least = QUOTED_SHARE * sum(len(unit.folded) for unit in wanted)
    numbers = {unit.folded for unit in wanted if unit.kind == "number"}
    best: list[Place] = []
    for first, start in _begun(read, wanted):
        pairs = zip(wanted[first:], read.all[start:], strict=False)
        run = list(takewhile(lambda pair: pair[0].folded == pair[1].folded, pairs))
        if not numbers.issubset(unit.folded for unit, _ in run):
            continue
        letters = sum(len(unit.folded) for unit, _ in run)
        if letters > least or (letters == least and not best):
            best = []
        if letters >= least:
            least = letters
            best.append((run[0][1].start, run[-1][1].end))
    return _apart(sorted(best))


def _begun(read: _Units, wanted: Sequence[_Unit]) -> Iterator[tuple[int, int]]:
    """Where runs of the same units begin: the number of the first one in the quote, and in the text."""
    numbers = defaultdict(list)
    for number, unit in enumerate(read.all):
        numbers[unit.folded].append(number)
    for first, unit in enumerate(wanted):
        for start in numbers.get(unit.folded, ()):
            if not first or not start or wanted[first - 1].folded != read.all[start - 1].folded:
                yield first, start


def _content(question: str) -> list[str]:
    """The different words of a question that say what it is about."""
    words = dict.fromkeys(unit.folded for unit in _Units(question).all)
    return [word for word in words if word not in FUNCTION_WORDS]


def _related(word: str, other: str) -> bool:
    """Whether two words have so much of their beginnings in common that they may be forms of one: close, closed."""
    if word == other:
        return True
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))))
    return shared >= LEAST_STEM and shared >= STEM_SHARE * max(len(word), len(other))


def _nearness(read: _Units, place: Place, numbers: Sequence[int]) -> float:
    """How near the nearest of some units is to a place; a word that the text has seldom counts for more."""
    first, after = read.first_from(place[0]), read.first_from(place[1])
    last = max(first, after - 1)

    def distance(number: int) -> int:
        gap = first - number if number < first else number - last
        nearest = first if number < first else last
        return gap + SENTENCE_APART * abs(read.sentences[number] - read.sentences[min(nearest, len(read.all) - 1)])

    outside = [number for number in numbers if not first <= number < after]
    return max((1 / (NEAR + distance(number)) for number in outside), default=0.0) / len(numbers)
