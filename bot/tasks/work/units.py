"""The parts of a text that explanations leave out: words, or longer parts if it has too many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from bot.text.sentences import sentences

# A word keeps its marks ("good."), because a text with a mark alone in it is one that nobody writes. Scripts without
# spaces are divided at the word boundaries of Unicode, Annex 29, and so is a text that has no space at all.
_WORD = regex.compile(r"\S+\s*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_BOUNDARY = regex.compile(r"(?V1w)\b")
_HAS_WORD = regex.compile(r"[\p{L}\p{N}\p{S}\p{Emoji}]")
_OPENING = regex.compile(r"[\p{Ps}\p{Pi}]")
# The Annex leaves Thai, Lao, Khmer and Burmese to dictionaries, and ends a word at each of their letters. Here a letter
# keeps what makes no sense without it: vowels before and behind it, consonants below it, and closing ones with a sign.
_OPENS = regex.compile(r"[\u0e40-\u0e44\u0ec0-\u0ec4\u17d2\u1039]\Z")
_GOES_ON = regex.compile(r"[\u0e30\u0e32\u0e33\u0e45-\u0e4e\u0eb0\u0eb2\u0eb3\u0ebd]|[\u1000-\u102a]\u103a")


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
    whole = words(text)
    if len(whole) <= most:
        return whole
    said = sentences(text, "en")
    return Units("sentence", tuple(said)) if 2 <= len(said) <= most else _runs(whole.parts, most)


def units_of_lines(text: str, most: int) -> Units:
    """Divide messages, each on a line; if there are more than `most`, into runs of messages. One line is any text."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2 or most < 2:
        return units(text, most)
    return Units("message", tuple(lines)) if len(lines) <= most else _runs(lines, most)


def _runs(pieces: Sequence[str], most: int) -> Units:
    edges = [round(index * len(pieces) / most) for index in range(most + 1)]
    return Units("part", tuple("".join(pieces[start:end]) for start, end in pairwise(edges)))


def words(text: str) -> Units:
    """Divide a text into its words. Those of a script without spaces are characters or syllables: called parts."""
    return Units("part" if is_unspaced(text) else "word", tuple(words_of(text)))


def is_unspaced(text: str) -> bool:
    """Return whether a character is of a script that has no spaces between words."""
    return _UNSPACED.search(text) is not None


def is_mark(text: str) -> bool:
    """Return whether a text is of marks alone, which belong to the word before them."""
    return not _HAS_WORD.search(text)


def belongs(before: str, after: str) -> bool:
    """Return whether two neighbours are one piece: marks and what they are of, or parts of a syllable."""
    if is_mark(before) or _OPENS.search(before) or _GOES_ON.match(after):
        return True
    return is_mark(after) and not _OPENING.match(after)


def words_of(text: str) -> list[str]:
    """Return a text's words, each with its marks and the white space behind it; joined, they are the text."""
    start = len(text) - len(text.lstrip())
    runs = _WORD.findall(text)
    pieces: list[str] = []
    for run in runs:
        pieces += _pieces(run) if len(runs) == 1 or is_unspaced(run) else [run]
    if pieces and start:
        pieces[0] = text[:start] + pieces[0]
    return _with_marks(pieces)


def _pieces(run: str) -> list[str]:
    return [piece for piece in _BOUNDARY.split(run) if piece]


def _with_marks(pieces: Sequence[str]) -> list[str]:
    """Join what cannot stand alone to its neighbour."""
    joined: list[str] = []
    for piece in pieces:
        if joined and belongs(joined[-1], piece):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
