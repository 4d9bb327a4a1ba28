"""Texts that a causal language model writes: as they follow their prompt, and until a task's own rule ends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import regex  # type: ignore[import-untyped]

from bot.inference.steps import Row

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.decoding import Generation

HALF_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""Stands at the end of a text whose last token is only the beginning of a character."""


def following(head: CausalLM, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The text of tokens as it follows a prompt: many tokenizers drop the first space of a text that stands alone."""
    return head.decode([*prompt, *ids])[len(head.decode(prompt)) :]


_CLOSING = regex.compile(r"[\p{Sentence_Terminal}\p{Terminal_Punctuation}\p{Pe}\p{Pf}…\"']*")
_SAYS_SOMETHING = regex.compile(r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]")

SHORTEST_LOOP, LONGEST_LOOP = 20, 300
"""In characters."""


def circling(text: str) -> int:
    """How many characters at a text's end only say again what stands before them, when it is said for the third time.

    0 where it is not. One character over and over, or nothing but characters of layout (a table's divider, a line of
    hyphens, dots that lead to a page number), says nothing, and so is no circle. Small models that always take a likely token get caught in such circles, and never leave them
    (Holtzman et al.: The Curious Case of Neural Text Degeneration, 2020, arXiv:1904.09751).
    """
    for length in range(SHORTEST_LOOP, min(LONGEST_LOOP, len(text) // 3) + 1):
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


class EndingRow(Row["Generation"]):
    """A row for `CausalLM.generate` that is stopped as soon as what has been written of it is enough.

    The device's thread looks at `stopped` between two steps, so the rule has to be quick. Its output is not `finished`.

    Attributes:
        asked_to_stop: whether somebody has stopped it.

    Args:
        row: what to generate.
        ends: the rule, given the new token ids so far, of which there is at least one.
    """

    def __init__(self, row: Row[Generation], ends: Callable[[Sequence[int]], bool]) -> None:
        self._ends = ends
        self._seen = 0
        self._ended = False
        self.asked_to_stop = False
        super().__init__(row.inputs, row.tokens)

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped it, or the rule has ended it."""
        written = len(self.progress)
        if written != self._seen:
            self._seen = written
            self._ended = written > 0 and self._ends(self.progress)
        return self.asked_to_stop or self._ended

    @stopped.setter
    def stopped(self, value: bool) -> None:
        self.asked_to_stop = value


def was_stopped(row: Row[Any]) -> bool:
    """Whether somebody has stopped a row, rather than a rule of its task."""
    return row.asked_to_stop if isinstance(row, EndingRow) else row.stopped
