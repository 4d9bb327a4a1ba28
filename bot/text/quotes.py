"""Finding a quote in a text: literally, or at least most of its words."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile

import regex

from bot.text.graphemes import UNSPACED, Graphemes, Span
from bot.text.words import FUNCTION_WORDS

# The least share of a quote's letters that must be in the text, in one run.
QUOTED_SHARE = 0.6
# How many letters two forms of a word share at least, and which share of the longer form that is.
LEAST_STEM, STEM_SHARE = 3, 0.6
# Distances are in words. `NEAR` is added to each, so that the nearest word does not outweigh all others;
# `SENTENCE_APART` is added for each sentence that ends between two words.
NEAR, SENTENCE_APART = 3, 10

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
# A word may be cut beside these if the quote fits nowhere else.
_SEAMS = frozenset("'’-‐‑")
_YEAR = regex.compile(r"\d{4}")
_DATE = regex.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}")
# In Korean, particles follow a word without a space.
_HANGUL = regex.compile(r"\p{Hangul}+")
_INITIALS = regex.compile(r"(?<!\w)\p{L}(?:\.\p{L})+$")
_SENTENCE_END = regex.compile(r"[.!?…]+(?=\s)|[。！？\n]+")
_SAME = str.maketrans({**dict.fromkeys('‘’‚‛`´′“”„‟«»"', "'"), **dict.fromkeys("‐‑‒–—―−", "-")})


def find_quote(text: str, quote: str, question: str = "") -> Span | None:
    """Find a quote in a text, or the longest run of its words, ignoring case and the shape of quotes and dashes.

    Words and numbers are whole: "C" is not in "C++", nor "10" in "10.5" or "-10". None if the run has too small a share
    of the letters.

    Args:
        question: of several occurrences, the one nearest to the words of this question is taken.
    """
    wanted, read = _Units(quote), _Units(text)
    found = (_whole(read, quote) or _runs(read, wanted.all)) if wanted.all else []
    span = _answering(found, read, question)
    return None if span is None else Graphemes(text).widened(*span)


def same_words(first: str, second: str) -> bool:
    """Return whether two texts have the same words and numbers in the same order."""
    return [one.folded for one in _Units(first).all] == [one.folded for one in _Units(second).all]


def _answering(spans: Sequence[Span], read: _Units, question: str) -> Span | None:
    """Return the span nearest to the words of a question; None if there are none."""
    if len(spans) < 2:
        return next(iter(spans), None)
    words = dict.fromkeys(unit.folded for unit in _Units(question).all)
    asked = [found for word in words if word not in FUNCTION_WORDS and (found := read.like(word))]
    return max(spans, key=lambda span: sum(_nearness(read, span, found) for found in asked))


@dataclass(frozen=True)
class _Unit:
    """A word, a number or a symbol; a character in scripts that are written without spaces."""

    start: int
    end: int
    kind: str | None
    """The group of `_UNIT` that found it, if any."""
    folded: str
    """The same for all spellings."""


class _Units:
    """A text's units in order; none overlap."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = [
            _Unit(match.start(), match.end(), match.lastgroup, _fold(match[0])) for match in _UNIT.finditer(text)
        ]
        self._starts = [unit.start for unit in self.all]

    def around(self, offset: int) -> _Unit | None:
        """Return the unit that a cut at this offset would divide."""
        number = bisect_left(self._starts, offset) - 1
        return self.all[number] if number >= 0 and offset < self.all[number].end else None

    def first_from(self, offset: int) -> int:
        """Return the number of the first unit that begins at an offset or after it."""
        return bisect_left(self._starts, offset)

    def like(self, word: str) -> list[int]:
        """Return the numbers of the units that are forms of a word."""
        alike = self._by_stem.get(word[:LEAST_STEM], ())
        return [number for number in alike if _related(self.all[number].folded, word)]

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        """The numbers of the units that begin with the same letters."""
        found = defaultdict(list)
        for number, unit in enumerate(self.all):
            found[unit.folded[:LEAST_STEM]].append(number)
        return found

    @cached_property
    def sentences(self) -> list[int]:
        """The number of sentences that have ended before each unit."""
        ends = [match.start() for match in _SENTENCE_END.finditer(self.text)]
        return [bisect_left(ends, start) for start in self._starts]


def _fold(text: str) -> str:
    """Return a key that is the same for all spellings: compatibility forms, case, quotation marks, dashes."""
    plain = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
    return unicodedata.normalize("NFKC", plain).translate(_SAME)


class _FoldedText:
    """A text folded grapheme by grapheme, with one space for each run of white space.

    `starts` and `ends` map offsets in the folded text, between graphemes, to offsets in the original one.
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

    def spans(self, quote: str) -> Iterator[Span]:
        """Yield the spans of a folded quote in the original text, of whole graphemes."""
        found = self.text.find(quote)
        while found >= 0:
            start, end = self.starts.get(found), self.ends.get(found + len(quote))
            if start is not None and end is not None:
                yield Span(start, end)
            found = self.text.find(quote, found + 1)


def _whole(read: _Units, quote: str) -> list[Span]:
    """Return the spans of the whole quote, with whole words at its ends or, failing that, parts of compounds."""
    found = list(_FoldedText(read.text).spans(_FoldedText(quote.strip()).text))
    cut = {span: [(offset, unit) for offset in span if (unit := read.around(offset)) is not None] for span in found}
    whole = [span for span in found if not cut[span]]
    seamed = [span for span in found if all(_is_seam(read.text, *one, span) for one in cut[span])]
    return _apart(_with_full_stop(read, span) for span in whole or seamed)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Drop spans that overlap an earlier one."""
    apart: list[Span] = []
    for span in spans:
        if not apart or span.start >= apart[-1].end:
            apart.append(span)
    return apart


def _is_seam(text: str, offset: int, unit: _Unit, span: Span) -> bool:
    """Return whether a cut is between the parts of a compound, as in Jean-Luc or スターバックス."""
    if unit.kind == "number":
        is_date = _DATE.fullmatch(text[unit.start : unit.end]) is not None
        return is_date and _YEAR.fullmatch(text[slice(*span)]) is not None
    is_particle = offset == span.end and _HANGUL.fullmatch(text[unit.start : unit.end]) is not None
    return unit.kind == "kana" or is_particle or not _SEAMS.isdisjoint(text[offset - 1 : offset + 1])


def _with_full_stop(read: _Units, span: Span) -> Span:
    """Include the full stop of an abbreviation at the end of a span: U.S."""
    start, end = span
    is_inside = _INITIALS.search(read.text[start:end]) and read.text[end : end + 1] == "."
    return Span(start, end + 1) if is_inside else span


def _runs(read: _Units, wanted: Sequence[_Unit]) -> list[Span]:
    """Return the spans of the run of wanted words with the most letters."""
    least = QUOTED_SHARE * sum(len(unit.folded) for unit in wanted)
    # "degrees" alone does not say "5 degrees".
    numbers = {unit.folded for unit in wanted if unit.kind == "number"}
    best: list[Span] = []
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
            best.append(Span(run[0][1].start, run[-1][1].end))
    return _apart(sorted(best))


def _begun(read: _Units, wanted: Sequence[_Unit]) -> Iterator[tuple[int, int]]:
    """Yield the beginnings of runs of equal units: the number of the first one in the quote, and in the text."""
    numbers = defaultdict(list)
    for number, unit in enumerate(read.all):
        numbers[unit.folded].append(number)
    for first, unit in enumerate(wanted):
        for start in numbers.get(unit.folded, ()):
            if not first or not start or wanted[first - 1].folded != read.all[start - 1].folded:
                yield first, start


def _related(word: str, other: str) -> bool:
    """Return whether two words may be forms of one, such as close and closed, by their common beginning."""
    if word == other:
        return True
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))))
    return shared >= LEAST_STEM and shared >= STEM_SHARE * max(len(word), len(other))


def _nearness(read: _Units, span: Span, numbers: Sequence[int]) -> float:
    """Return how near the nearest of some units, in order, is to a span; rare words count for more."""
    first, after = read.first_from(span.start), read.first_from(span.end)
    last = max(first, after - 1)

    def distance(number: int) -> int:
        gap = first - number if number < first else number - last
        nearest = first if number < first else last
        return gap + SENTENCE_APART * abs(read.sentences[number] - read.sentences[min(nearest, len(read.all) - 1)])

    # All further ones are at a greater distance.
    before, behind = bisect_left(numbers, first), bisect_left(numbers, after)
    nearest = (*numbers[max(0, before - 1) : before], *numbers[behind : behind + 1])
    return max((1 / (NEAR + distance(number)) for number in nearest), default=0.0) / len(numbers)
