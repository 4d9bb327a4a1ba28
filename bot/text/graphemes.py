"""Characters as people see them: an emoji, a flag, a letter with its accents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""For a character class of `regex`: letters of scripts without spaces, so that a word may end after any of them."""


class Span(NamedTuple):
    """Part of a text: the offset of its first character, and the offset behind its last one."""

    start: int
    end: int


class Graphemes:
    """The offsets at which a text may be cut without halving a character, ascending, 0 and its length included.

    Source: Unicode Standard Annex #29, extended grapheme clusters, as `regex` finds them.
    """

    # Tokenizers count code points, and byte-level ones split even those: 👩‍👧 has three, and may be eleven tokens.

    def __init__(self, text: str) -> None:
        self.text = text
        self.borders = (0, *(match.end() for match in regex.finditer(r"\X", text)))

    def widened(self, start: int, end: int) -> Span:
        """Return the smallest span of whole graphemes around a span, without white space at its ends."""
        first, last = bisect_right(self.borders, start) - 1, bisect_left(self.borders, end)
        while first < last and self._is_blank(first):
            first += 1
        while first < last and self._is_blank(last - 1):
            last -= 1
        return Span(self.borders[first], self.borders[last if start < end else first])

    def _is_blank(self, number: int) -> bool:
        """Return whether a grapheme is white space, perhaps with marks on it."""
        return self.text[self.borders[number]].isspace()
