"""Where code that a model writes comes to a sensible end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_FENCE = re.compile(r"^\s*```")
_GOES_ON = re.compile(
    r"(else|elif|elseif|elsif|except|finally|catch|case|default|then|do|rescue|ensure|when|in|where)\b"
)
"""A line at the left margin that begins so belongs to what stands before it."""
_CLOSES = re.compile(r"[)\]}]|(end|fi|done|esac)\b")
_FIRST_WORD = re.compile(r"(\w+|\S)(?=\W)", re.ASCII)
_QUOTES = ('"' * 3, "'" * 3)


class EndReason(Enum):
    """Why code ends."""

    FENCE = auto()
    """A code fence is closed that nobody has opened."""
    NEW_BLOCK = auto()
    """A block has been left, and something new begins at the left margin."""


@dataclass(frozen=True)
class CodeEnd:
    """Where new code ends.

    Attributes:
        at: the index in it of the line before which it ends.
    """

    at: int
    reason: EndReason


def code_end(code: str, new: str, *, in_blocks: bool, complete: bool = False) -> CodeEnd | None:
    """Where new code should end, and why; None where it may go on.

    It ends before a new definition or statement at the left margin, once something has been written and a block has
    been left; and where the model closes a code fence that nobody has opened, as chat models do before they explain
    what they wrote.

    Args:
        code: what was there before.
        new: what a model has written after it.
        in_blocks: whether the language has blocks that can be left.
        complete: whether nothing follows any more, so that half a word counts as one.
    """
    text = code + new
    fenced = "```" in code
    last = ""
    in_string = False
    for start, line, is_whole in _lines(text):
        at = start - len(code)
        if at >= 0 and not fenced and _FENCE.match(line):
            return CodeEnd(at, EndReason.FENCE)
        is_read = is_whole or complete or _FIRST_WORD.match(line)
        if in_blocks and not in_string and is_read and new[: max(0, at)].strip() and _begins_anew(last, line):
            return CodeEnd(at, EndReason.NEW_BLOCK)
        if line.strip() and not in_string:
            last = line
        in_string ^= sum(map(line.count, _QUOTES)) % 2 == 1
    return None


def _begins_anew(last: str, line: str) -> bool:
    """Whether a line is the first one after a block, given the last one that is not empty."""
    if not line.strip() or line[0].isspace():
        return False
    has_left = last[:1].isspace() or _CLOSES.match(last) is not None
    return has_left and not _CLOSES.match(line) and not _GOES_ON.match(line)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with where it begins, and whether a line break ends it."""
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, line.rstrip("\n"), line.endswith("\n")
        start += len(line)
