"""Texts that a causal language model writes, as they follow their prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex  # type: ignore[import-untyped]

from bot.text.accepted import visible_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM


def following(head: CausalLM, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The text of tokens as it follows a prompt: many tokenizers drop the first space of a text that stands alone.

    Where its last token is only a part of a character, U+FFFD stands there.
    """
    return head.decode([*prompt, *ids])[len(head.decode_whole(prompt)) :]


def whole_following(head: CausalLM, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The same without half a character at its end."""
    return head.decode_whole([*prompt, *ids])[len(head.decode_whole(prompt)) :]


class GrowingText:
    """The text of tokens that are still being generated, as it follows a prompt: what `following` returns.

    Each call decodes only the tokens that are new, and the few before them: many tokenizers drop the first space of a
    text. Not for two threads at once.

    Attributes:
        new: the end of the text that the last call has decoded.
    """

    def __init__(self, head: CausalLM, prompt: Sequence[int] = ()) -> None:
        self._head = head
        self._prompt = self._context = tuple(prompt)
        self._context_text = head.decode_whole(prompt) if prompt else ""
        self._settled, self._read = "", 0
        self.new = ""

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, with U+FFFD at its end if the last token is only a part of a character.

        Args:
            ids: the last call's and further ones. Fewer of them are another text, which begins anew.
        """
        if len(ids) < self._read:
            self._settled, self._read, self._context = "", 0, self._prompt
            self._context_text = self._head.decode_whole(self._prompt) if self._prompt else ""
        unread = tuple(ids[self._read :])
        decoded = self._head.decode([*self._context, *unread])
        self.new = decoded[len(self._context_text) :]
        if unread and not decoded.endswith(REPLACEMENT_CHARACTER):
            self._settled += self.new
            self._read = len(ids)
            self._remember(unread, decoded)
            return self._settled
        return self._settled + self.new

    def whole(self, ids: Sequence[int]) -> str:
        """Return the same without half a character at its end."""
        text = self.text(ids)
        if not text.endswith(REPLACEMENT_CHARACTER):
            return text
        whole = self._head.decode_whole([*self._context, *ids[self._read :]])
        return self._settled + whole[len(self._context_text) :]

    def _remember(self, read: tuple[int, ...], decoded: str) -> None:
        """Keep the tokens that were read last to decode the next ones behind."""
        text = self._head.decode(read)
        if text.strip():  # else a space that follows would be a text's first one again
            self._context, self._context_text = read, text
        else:
            self._context, self._context_text = (*self._context, *read), decoded


_LONGEST_CLUSTER = 32
"""Of code points that are looked at for the last character as people see it."""

Decode = Callable[[Sequence[int]], str]
"""Makes text of tokens."""


def without_half(text: str, ids: Sequence[int], text_of: Decode, whole_of: Decode) -> str:
    """The first part of a text without half a character at its end.

    A rule that ends a text may end it behind bytes that never became a character, because others followed.

    Args:
        text: the part, as it stands in the text.
        ids: the tokens of the text.
        text_of: makes text of tokens, with U+FFFD for half a character.
        whole_of: the same without half a character at its end.
    """
    if not text.endswith(REPLACEMENT_CHARACTER):
        return text
    numbers = range(len(ids), -1, -1)
    kept = next((ids[:number] for number in numbers if text_of(ids[:number]) == text), None)
    return text if kept is None else whole_of(kept)


@dataclass(frozen=True)
class Tail:
    """The last tokens of a text that ends with half a character: from there its tokens go on, and not its letters.

    Attributes:
        ids: from the token with which the half character begins, or what stands before it and would not be read at
            the end of a text (white space, a joiner); none where the text ends with a whole character.
        characters: how many of the text's characters, which are all whole, are theirs.
    """

    ids: tuple[int, ...] = ()
    characters: int = 0


WHOLE = Tail()
"""Of a text that ends with a whole character."""


def tail_of(head: CausalLM, prompt: Sequence[int], ids: Sequence[int]) -> Tail:
    """The tail of new tokens."""
    if not _ends_broken(head, [*prompt, *ids]):
        return WHOLE
    text = whole_following(head, prompt, ids)
    number = max(0, head.whole_tokens([*prompt, *ids]) - len(prompt))
    while number and (
        _ends_broken(head, [*prompt, *ids[:number]]) or not _is_read(whole_following(head, prompt, ids[:number]))
    ):
        number -= 1
    return Tail(tuple(ids[number:]), len(text) - len(whole_following(head, prompt, ids[:number])))


def _is_read(text: str) -> bool:
    """Whether a text's last character is read at its end: an emoji's joiner is not, before what it joins is there."""
    clusters = regex.findall(r"\X", text[-_LONGEST_CLUSTER:])
    last = "x" + "".join(clusters[-1:])
    return visible_text(last) == last


def known_tail(head: CausalLM, ids: Sequence[int]) -> tuple[int, ...]:
    """A tail that a request brings; nothing where it is another checkpoint's, and no half character here."""
    if not ids:
        return ()
    known = all(0 <= token < head.vocabulary_size for token in ids)
    return tuple(ids) if known and _ends_broken(head, ids) else ()


def _ends_broken(head: CausalLM, ids: Sequence[int]) -> bool:
    return head.whole_tokens(ids) < len(ids)


_CLOSING = regex.compile(r"[\p{Sentence_Terminal}\p{Terminal_Punctuation}\p{Pe}\p{Pf}…\"']*")
_SAYS_SOMETHING = regex.compile(r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]")

SHORTEST_LOOP, LONGEST_LOOP = 20, 300
"""In characters."""


def circling(text: str) -> int:
    """Return how many characters at a text's end only repeat what stands before them, for the third time or more.

    0 if there is no such circle. One character over and over, or nothing but characters of layout (a table's divider, a
    line of hyphens, dots that lead to a page number), says nothing, and so is no circle. Small models that always take
    a likely token get caught in such circles, and never leave them (Holtzman et al.: The Curious Case of Neural Text
    Degeneration, 2020, arXiv:1904.09751).
    """
    longest = min(LONGEST_LOOP, len(text) // 3)
    if longest < SHORTEST_LOOP:
        return 0
    # A circle begins where the last characters stand once more. Only few lengths come into question then, and `rfind`
    # finds them a hundred times faster than comparing the ends of every length.
    last, at = len(text) - SHORTEST_LOOP, len(text)
    while (at := text.rfind(text[last:], last - longest, min(last, at + SHORTEST_LOOP - 1))) >= 0:
        length = last - at
        end = text[-length:]
        if text[-2 * length : -length] == end and text[-3 * length : -2 * length] == end and _says_something(end):
            return 2 * length
    return 0


def _says_something(text: str) -> bool:
    return len(set(text)) > 1 and _SAYS_SOMETHING.search(text) is not None


def without_circles(text: str) -> tuple[str, bool]:
    """A text without what it only says again (see `circling`), and whether it did."""
    again = circling(text)
    end = len(text) - again
    closing = _CLOSING.match(text, end)
    return (text[: closing.end() if closing else end].rstrip(), True) if again else (text, False)
