"""A message as a translation model reads it: passages of language, and around them text that it never reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import regex

from bot.tasks.translation.protected import FENCE, Piece, PieceKind, pieces

Split = Callable[[str], Sequence[str]]
"""Cuts a line into parts; joined, they are the line."""

# Indentation, and the marks of quotes, lists, headings and small print.
_LINE_START = regex.compile(
    r"[ \t]*(?:(?:>{1,3}|[-*+•–]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)]|\[[ xX]\]|#{1,3}|-\#)[ \t]+)*"
)
_SENTENCE_END = regex.compile(r"^[\s.,;:!?…。！？)\]}»”’]+")
_FULL_STOP = regex.compile(r"(?<![.…])[.。।]\s*$")
_SHORT_MARK = regex.compile(r"\\[*_~|`>#\[\]()-]|\*+|~~|\|\||(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|\]\(|\[")


@dataclass(frozen=True)
class Passage:
    """A part of a text that is translated on its own."""

    pieces: tuple[Piece, ...]
    """At least one has words."""
    kept: frozenset[str] = frozenset()
    """Protected texts of the whole message."""

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """The model's inputs: the passage with stand-ins and, if it has any, the words between them.

        If the model does not copy each stand-in once and in order, the words' own translations replace the passage's,
        so no protected text is ever lost.
        """
        if not self._stand_ins:
            return ("".join(piece.text for piece in self.pieces),)
        fragments = (_fragment(piece)[1] for piece in self.pieces if _has_words(piece))
        return ("".join(shown for shown, _ in self._shown), *fragments)

    def assembled(self, translations: Sequence[str]) -> tuple[str, range]:
        """Return the translation, given that of each reading, and the indices of the readings it consists of."""
        if not self._stand_ins:
            return self._without_doubles(translations[0]), range(1)
        restored = self.restored(translations[0])
        if restored is not None:
            return restored, range(1)
        fragments = iter(translations[1:])
        parts = (self._replaced(piece, fragments) if _has_words(piece) else piece.text for piece in self.pieces)
        return "".join(parts), range(1, len(self.readings))

    def restored(self, translation: str) -> str | None:
        """Put protected text back into a translation of the first reading; None if its stand-ins are not the same."""
        found = list(self._pattern.finditer(translation))
        if [one[0] for one in found] != [shown for shown, _ in self._stand_ins]:
            return None
        parts = []
        end = 0
        for one, (_, original) in zip(found, self._stand_ins, strict=True):
            parts += [self._without_doubles(translation[end : one.start()]), original]
            end = one.end()
        return "".join([*parts, self._without_doubles(translation[end:])])

    def _replaced(self, piece: Piece, fragments: Iterator[str]) -> str:
        """Return the next translation with the text around the piece's words."""
        before, words, after = _fragment(piece)
        return before + _ended_as(words, self._without_doubles(next(fragments))) + after

    def _without_doubles(self, translation: str) -> str:
        """Drop protected text that the model has written once more."""
        doubles = [one for one in self.kept if one in translation]
        for one in doubles:
            translation = translation.replace(one, "")
        return self._without_doubles(translation) if doubles else translation

    @cached_property
    def _shown(self) -> list[tuple[str, str]]:
        """Each piece as in the first reading, and verbatim."""
        numbers = count(1)
        return [(_stand_in(piece, self._letter, numbers), piece.text) for piece in self.pieces]

    @cached_property
    def _stand_ins(self) -> list[tuple[str, str]]:
        pairs = zip(self._shown, self.pieces, strict=True)
        return [shown for shown, piece in pairs if piece.kind is not PieceKind.WORDS]

    @cached_property
    def _letter(self) -> str:
        """A letter that has no number behind it in the words."""
        words = "".join(piece.text for piece in self.pieces if piece.kind is PieceKind.WORDS)
        return next(letter for letter in "XZQVKJWY" if letter == "Y" or not regex.search(rf"{letter}\d", words))

    @cached_property
    def _pattern(self) -> regex.Pattern[str]:
        """Finds stand-ins, including invented ones."""
        link = rf"\]\({self._letter}\d+\)"
        return regex.compile(rf"{link}|(?<!\w){self._letter}\d+(?!\w)|{_SHORT_MARK.pattern}")


def _stand_in(piece: Piece, letter: str, numbers: Iterator[int]) -> str:
    if piece.kind is PieceKind.KEPT:
        return f"{letter}{next(numbers)}"
    if piece.text.startswith("]("):
        return f"]({letter}{next(numbers)})"
    return piece.text


def _fragment(piece: Piece) -> tuple[str, str, str]:
    """Split a piece into words that are translated on their own, and the punctuation and space around them."""
    words = _SENTENCE_END.sub("", piece.text)
    before = piece.text[: len(piece.text) - len(words)]
    bare = words.rstrip()
    return before, bare, words[len(bare) :]


def _ended_as(words: str, translation: str) -> str:
    """Drop a translation's full stop if the words have none."""
    # Models add one even if the sentence goes on.
    return translation if _FULL_STOP.search(words) else _FULL_STOP.sub("", translation)


def _has_words(piece: Piece) -> bool:
    return piece.kind is PieceKind.WORDS and any(map(str.isalnum, piece.text))


@dataclass(frozen=True)
class Document:
    """A text's passages, and the text around them."""

    passages: tuple[Passage, ...]
    kept: tuple[str, ...]
    """The text before, between and behind the passages."""

    @classmethod
    def of(cls, text: str, split: Split) -> Document:
        """Take a text apart.

        Args:
            split: cuts a line into passages. It gets the line without marks, and with a letter for each protected text.
        """
        passages: list[tuple[Piece, ...]] = []
        around = [""]
        for part in _parts(text, split):
            if isinstance(part, str):
                around[-1] += part
            else:
                passages.append(part)
                around.append("")
        kept = frozenset(piece.text for piece in pieces(FENCE.sub(" ", text)) if piece.kind is PieceKind.KEPT)
        return cls(tuple(Passage(one, kept) for one in passages), tuple(around))

    def translated(self, translations: Sequence[str]) -> tuple[str, list[int]]:
        """Return the translated text, given that of each reading, and the indices of the readings it consists of."""
        parts: list[str] = []
        used: list[int] = []
        first = 0
        for passage in self.passages:
            part, readings = passage.assembled(translations[first : first + len(passage.readings)])
            after = self.kept[len(parts) + 1]
            goes_on = not after.startswith(("\n", "\r")) and after.strip()
            parts.append(_ended_as(passage.pieces[-1].text, part) if goes_on else part)
            used += [first + reading for reading in readings]
            first += len(passage.readings)
        return self.with_translations(parts).strip(), used

    def with_translations(self, translations: Iterable[str]) -> str:
        """Return the text with its passages replaced by translations."""
        first, *others = self.kept
        return first + "".join(one + after for one, after in zip(translations, others, strict=True))


def _parts(text: str, split: Split) -> Iterator[str | tuple[Piece, ...]]:
    end = 0
    for fence in FENCE.finditer(text):
        yield from _of_lines(text[end : fence.start()], split)
        yield fence[0]
        end = fence.end()
    yield from _of_lines(text[end:], split)


def _of_lines(text: str, split: Split) -> Iterator[str | tuple[Piece, ...]]:
    for line in text.splitlines(keepends=True):
        start = _LINE_START.match(line)
        assert start is not None  # it matches nothing, too
        yield start[0]
        for sentence in _sentences(list(pieces(line[start.end() :])), split):
            yield from _peeled(sentence)


def _sentences(line: list[Piece], split: Split) -> Iterator[list[Piece]]:
    """Yield a line's pieces, cut between sentences."""
    plain = "".join(_plain(piece) for piece in line)
    lengths = iter([len(part) for part in split(plain)])
    left = next(lengths, 0)
    sentence: list[Piece] = []
    for piece in line:
        rest, width = piece.text, len(_plain(piece))
        while width > left and (piece.kind is PieceKind.WORDS or left == 0):
            if left:
                sentence.append(Piece(rest[:left], piece.kind))
            yield sentence
            sentence, rest, width = [], rest[left:], width - left
            left = next(lengths)
        left -= width
        if rest:
            sentence.append(Piece(rest, piece.kind))
    yield sentence


def _plain(piece: Piece) -> str:
    """Return a piece as the sentence splitter gets it."""
    return {PieceKind.WORDS: piece.text, PieceKind.KEPT: "X", PieceKind.MARK: ""}[piece.kind]


def _peeled(sentence: list[Piece]) -> Iterator[str | tuple[Piece, ...]]:
    """Split protected pieces off the ends of a sentence, keeping marks in pairs."""
    with_words = [index for index, piece in enumerate(sentence) if _has_words(piece)]
    if not with_words:
        yield "".join(piece.text for piece in sentence)
        return
    first, last = with_words[0], with_words[-1] + 1
    while first and _is_unbalanced(sentence[first:last]) and sentence[first - 1].kind is PieceKind.MARK:
        first -= 1
    while last < len(sentence) and _is_unbalanced(sentence[first:last]) and sentence[last].kind is PieceKind.MARK:
        last += 1
    inside = sentence[first:last]
    before, inside[0] = _without_space(inside[0], at_start=True)
    after, inside[-1] = _without_space(inside[-1], at_start=False)
    yield "".join(piece.text for piece in sentence[:first]) + before
    yield tuple(inside)
    yield after + "".join(piece.text for piece in sentence[last:])


def _without_space(piece: Piece, *, at_start: bool) -> tuple[str, Piece]:
    """Split white space off an end of a piece."""
    bare = piece.text.lstrip() if at_start else piece.text.rstrip()
    size = len(piece.text) - len(bare)
    return (piece.text[:size] if at_start else piece.text[len(bare) :]), Piece(bare, piece.kind)


def _is_unbalanced(sentence: Sequence[Piece]) -> bool:
    """Return whether a mark's counterpart is outside."""
    texts = (piece.text for piece in sentence if piece.kind is PieceKind.MARK)
    marks = ["[]" if text.startswith(("[", "](")) else text for text in texts]
    return any(marks.count(mark) % 2 for mark in marks if not mark.startswith("\\"))
