"""Texts that a causal language model generates, as they follow their prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import regex

from bot.text.characters import REPLACEMENT_CHARACTER, visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM


class GrowingText:
    """The text of tokens that are still being generated: what decoding all of them at once returns.

    Each call decodes only the new tokens. Not for two threads at once.

    Attributes:
        new: the end of the text that the last call has decoded.
    """

    def __init__(self, head: CausalLM) -> None:
        self._head = head
        self._begin()

    def _begin(self) -> None:
        self.new = ""
        self._known, self._read = "", 0
        self._context: tuple[int, ...] = ()
        self._context_text = ""

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of the last call's tokens and new ones, with U+FFFD at its end for part of a character.

        Fewer tokens than the last call's begin another text.
        """
        if len(ids) < self._read:
            self._begin()
        unread = tuple(ids[self._read :])
        # Many tokenizers drop the first space of a text, so new tokens are decoded behind known ones.
        decoded = self._head.decode([*self._context, *unread])
        self.new = decoded[len(self._context_text) :]
        text = self._known + self.new
        if unread and not decoded.endswith(REPLACEMENT_CHARACTER):
            self._known, self._read = text, len(ids)
            last = self._head.decode(unread)
            # White space alone is no context: the next space would be a text's first one again.
            new_context = (unread, last) if last.strip() else ((*self._context, *unread), decoded)
            self._context, self._context_text = new_context
        return text

    def whole_text(self, ids: Sequence[int]) -> str:
        """Like `text`, without part of a character at the end."""
        text = self.text(ids)
        if not text.endswith(REPLACEMENT_CHARACTER):
            return text
        return self._known + self._head.decode_whole([*self._context, *ids[self._read :]])[len(self._context_text) :]


Decode = Callable[[Sequence[int]], str]


def without_half(text: str, ids: Sequence[int], text_of: Decode, whole_of: Decode) -> str:
    """Drop part of a character from the end of the beginning of a text.

    Args:
        text: the beginning of the text.
        ids: the tokens of the whole text.
        text_of: decodes tokens, with U+FFFD for part of a character.
        whole_of: the same without part of a character at the end.
    """
    # A stop criterion may end a text behind bytes that never became a character, because others followed.
    if not text.endswith(REPLACEMENT_CHARACTER):
        return text
    numbers = range(len(ids), -1, -1)
    kept = next((ids[:number] for number in numbers if text_of(ids[:number]) == text), None)
    return text if kept is None else whole_of(kept)


@dataclass(frozen=True)
class Tail:
    """The last tokens of a text that ends with part of a character, from which the text continues."""

    # Requests drop white space and joiners at the end of a text, so the tail includes those before the character.
    ids: tuple[int, ...] = ()
    characters: int = 0
    """The number of whole characters of the text that the tokens stand for."""


WHOLE = Tail()
"""The tail of a text that ends with a whole character."""


@dataclass(frozen=True)
class ReadPrompt:
    """As much of a prompt as the context of a causal language model has room for."""

    head: CausalLM
    ids: tuple[int, ...]
    """The tail included."""
    tail: tuple[int, ...]
    truncated: bool
    """The start of the prompt is left out."""

    @classmethod
    def of(cls, head: CausalLM, text: str, tail: Sequence[int], new_tokens: int) -> ReadPrompt:
        """Encode a text and the tail behind it, leaving room for so many new tokens."""
        # The tail may be another checkpoint's, for which it is not part of a character.
        known = all(0 <= token < head.vocabulary_size for token in tail)
        kept = tuple(tail) if tail and known and _ends_broken(head, tail) else ()
        whole = (*head.encode(text), *kept)
        room = max(1, head.context_length - new_tokens)
        return cls(head, whole[-room:], kept, len(whole) > room)

    def text(self, new: Sequence[int]) -> str:
        """Return the text of the tail and new tokens, with U+FFFD at its end for part of a character."""
        return self.head.decode([*self._context, *self.tail, *new])[len(self._context_text) :]

    def whole_text(self, new: Sequence[int]) -> str:
        """Like `text`, without part of a character at the end."""
        return self.head.decode_whole([*self._context, *self.tail, *new])[len(self._context_text) :]

    def tail_after(self, new: Sequence[int]) -> Tail:
        """Return the tail of the text of new tokens."""
        ids = [*self._context, *self.tail, *new]
        if not _ends_broken(self.head, ids):
            return WHOLE
        text = self.whole_text(new)
        start = max(len(self._context), self.head.whole_tokens(ids))

        def kept() -> str:
            return self.head.decode_whole(ids[:start])[len(self._context_text) :]

        while start > len(self._context) and (_ends_broken(self.head, ids[:start]) or not _is_read(kept())):
            start -= 1
        return Tail(tuple(ids[start:]), len(text) - len(kept()))

    @cached_property
    def _context(self) -> tuple[int, ...]:
        """The last tokens before the tail, from the beginning of a character."""
        # Many tokenizers drop the first space of a text, so new tokens are decoded behind others. Decoding a prompt of
        # thousands would take milliseconds.
        before = self.ids[: len(self.ids) - len(self.tail)]
        for number in range(_CONTEXT, _CONTEXT + 4):  # a character has up to four bytes, and so tokens
            text = self.head.decode(before[-number:])
            if text.strip() and REPLACEMENT_CHARACTER not in text:
                return before[-number:]
        return before

    @cached_property
    def _context_text(self) -> str:
        return self.head.decode_whole(self._context)


# How many tokens of a prompt new ones are decoded behind.
_CONTEXT = 16
# How many code points are searched for the last grapheme.
_LONGEST_CLUSTER = 32


def _is_read(text: str) -> bool:
    """Return whether a request keeps the last character of a text, unlike white space or an emoji's joiner."""
    clusters = regex.findall(r"\X", text[-_LONGEST_CLUSTER:])
    last = "x" + "".join(clusters[-1:])
    return visible(last) == last


def _ends_broken(head: CausalLM, ids: Sequence[int]) -> bool:
    return head.whole_tokens(ids) < len(ids)


_CLOSING = regex.compile(r"[\p{Sentence_Terminal}\p{Terminal_Punctuation}\p{Pe}\p{Pf}…\"']*")
_SAYS_SOMETHING = regex.compile(r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]")

SHORTEST_LOOP, LONGEST_LOOP = 20, 300
"""In characters."""


def circling(text: str) -> int:
    """Count the characters of the second and third repetition at the end of a text; 0 if it doesn't end with three.

    Repetitions of a single character or of layout alone (a table's divider, a line of hyphens) do not count.

    Source: Holtzman et al.: The Curious Case of Neural Text Degeneration, 2020, arXiv:1904.09751.
    """
    longest = min(LONGEST_LOOP, len(text) // 3)
    if longest < SHORTEST_LOOP:
        return 0
    # The last characters of a repetition occur once more before it. `rfind` finds the few possible lengths a hundred
    # times faster than comparing the ends of every length.
    last, found = len(text) - SHORTEST_LOOP, len(text)
    while (found := text.rfind(text[last:], last - longest, min(last, found + SHORTEST_LOOP - 1))) >= 0:
        length = last - found
        end = text[-length:]
        if text[-2 * length : -length] == end and text[-3 * length : -2 * length] == end and _says_something(end):
            return 2 * length
    return 0


def _says_something(text: str) -> bool:
    return len(set(text)) > 1 and _SAYS_SOMETHING.search(text) is not None


def without_circles(text: str) -> tuple[str, bool]:
    """Drop repetitions at the end of a text (see `circling`); return also whether it had any."""
    repeated = circling(text)
    if not repeated:
        return text, False
    end = len(text) - repeated
    closing = _CLOSING.match(text, end)
    return text[: closing.end() if closing else end].rstrip(), True
