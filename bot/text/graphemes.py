"""Characters as people see them: an emoji, a flag, a letter with its accents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import regex  # type: ignore[import-untyped]

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""For a class of `regex`: letters of scripts that are written without spaces, so that a word may end after any."""


class Graphemes:
    """Where a text may be cut without halving a character.

    Tokenizers count code points, and byte-level ones split even those: 👩‍👧 has three code points, and may be eleven
    tokens. What is marked in a text has to begin and end between two graphemes.

    Source: Unicode Standard Annex #29, extended grapheme clusters, as `regex` finds them.

    Attributes:
        text: the text.
        borders: every place between two graphemes, 0 and the text's length included, ascending.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.borders = (0, *(match.end() for match in regex.finditer(r"\X", text)))

    def widened(self, start: int, end: int) -> tuple[int, int]:
        """The smallest run of graphemes that holds the characters from `start` to before `end`.

        It has no white space at its ends, and is empty where the characters are nothing else.
        """
        first, last = bisect_right(self.borders, start) - 1, bisect_left(self.borders, end)
        while first < last and self._is_blank(first):
            first += 1
        while first < last and self._is_blank(last - 1):
            last -= 1
        return self.borders[first], self.borders[last if start < end else first]

    def _is_blank(self, number: int) -> bool:
        """Whether a grapheme is white space, or a mark upon it."""
        return self.text[self.borders[number]].isspace()
