"""Finding a sensible end of generated code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_FENCE = re.compile(r"^\s*```")
# A line at the left margin that begins like this continues the code before it.
_GOES_ON = re.compile(
    r"(else|elif|elseif|elsif|except|finally|catch|case|default|then|do|rescue|ensure|when|in|where)\b"
)
_CLOSES = re.compile(r"[)\]}]|(end|fi|done|esac)\b")
_FIRST_WORD = re.compile(r"(\w+|\S)(?=\W)", re.ASCII)
_QUOTES = ('"' * 3, "'" * 3)


class EndReason(Enum):
    """A rule by which code ends."""

    # Chat models close a fence that was never opened before they explain their code.
    FENCE = auto()
    # A block is complete, and a new definition or statement begins at the left margin.
    NEW_BLOCK = auto()


@dataclass(frozen=True)
class CodeEnd:
    """The end of new code."""

    offset: int
    """In the new code, of the line that is not part of it any more."""
    reason: EndReason


def code_end(code: str, new: str, *, in_blocks: bool, complete: bool = False) -> CodeEnd | None:
    """Return the end of new code; None if it may go on.

    Args:
        code: the code before.
        new: the generated code.
        in_blocks: the language has blocks that can be complete.
        complete: nothing follows any more, so that part of a word counts as a word.
    """
    text = code + new
    fenced = "```" in code
    last = ""
    in_string = False
    for start, line, is_whole in _lines(text):
        offset = start - len(code)
        if offset >= 0 and not fenced and _FENCE.match(line):
            return CodeEnd(offset, EndReason.FENCE)
        is_read = is_whole or complete or _FIRST_WORD.match(line)
        if in_blocks and not in_string and is_read and new[: max(0, offset)].strip() and _begins_anew(last, line):
            return CodeEnd(offset, EndReason.NEW_BLOCK)
        if line.strip() and not in_string:
            last = line
        in_string ^= sum(map(line.count, _QUOTES)) % 2 == 1
    return None


def _begins_anew(last: str, line: str) -> bool:
    """Return whether a line is the first one behind a block, given the last one that was not empty."""
    if not line.strip() or line[0].isspace():
        return False
    has_left = last[:1].isspace() or _CLOSES.match(last) is not None
    return has_left and not _CLOSES.match(line) and not _GOES_ON.match(line)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its offset, and whether a line break ends it."""
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, line.rstrip("\n"), line.endswith("\n")
        start += len(line)
