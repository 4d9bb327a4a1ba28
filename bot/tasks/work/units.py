"""The parts of a text that explanations leave out: words, or longer parts if it has too many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from bot.text.sentences import sentences

# A word keeps its marks ("good."), because a text with a mark alone in it is one that nobody writes. Scripts without
# spaces are divided at the word boundaries of Unicode, Annex 29.
_WORD = regex.compile(r"\S+\s*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_BOUNDARY = regex.compile(r"(?V1w)\b")
_HAS_WORD = regex.compile(r"[\p{L}\p{N}\p{S}\p{Emoji}]")


@dataclass(frozen=True)
class Units:
    """A text in parts, each with the white space behind it; joined, they are the text."""

    noun: str
    """Such as "word"."""
    parts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Each part without white space around it."""
        return tuple(part.strip() for part in self.parts)

    def text(self, kept: Sequence[int]) -> str:
        """Return the text of some parts, by their indices in order; all of them are the text itself."""
        joined = "".join(self.parts[index] for index in kept)
        return joined if len(kept) == len(self.parts) else joined.strip()

    def without(self, left_out: Sequence[int]) -> str:
        """Return the text without some parts."""
        return self.text([index for index in range(len(self)) if index not in left_out])


def units(text: str, most: int) -> Units:
    """Divide a text into its words; if these are more than `most`, into sentences; else into runs of words."""
    words = words_of(text)
    if len(words) <= most:
        return Units("word", tuple(words))
    whole = sentences(text, "en")
    if 2 <= len(whole) <= most:
        return Units("sentence", tuple(whole))
    edges = [round(index * len(words) / most) for index in range(most + 1)]
    runs = ("".join(words[start:end]) for start, end in pairwise(edges))
    return Units("part", tuple(runs))


def words_of(text: str) -> list[str]:
    """Return a text's words, each with its marks and the white space behind it; joined, they are the text."""
    start = len(text) - len(text.lstrip())
    words: list[str] = []
    for found in _WORD.finditer(text):
        words += _pieces(found[0]) if _UNSPACED.search(found[0]) else [found[0]]
    if words and start:
        words[0] = text[:start] + words[0]
    return _with_marks(words)


def _pieces(run: str) -> list[str]:
    return [piece for piece in _BOUNDARY.split(run) if piece]


def _with_marks(words: Sequence[str]) -> list[str]:
    """Join marks that stand alone to the word before them."""
    joined: list[str] = []
    for word in words:
        if joined and not _HAS_WORD.search(word):
            joined[-1] += word
        else:
            joined.append(word)
    return joined
