"""The first row of a file: does it name the columns?"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from bot.locales.message import _

LONGEST = 64
"""Characters of a column's name."""
MOST_WORDS = 5
_VALUE = regex.compile(r"\W*\d[\d\W]*|true|false|https?://.*", regex.IGNORECASE)
_SENTENCE_END = (".", "!", "…", ",")


def is_header(cells: Sequence[str]) -> bool:
    """Return whether a first row looks like names: short, different from each other, neither numbers nor sentences."""
    names = [cell.strip() for cell in cells]
    filled = [name for name in names if name]
    # Programs that write the number of each row leave the name of that column empty.
    return len(filled) >= max(1, len(names) - 1) and len(set(filled)) == len(filled) and all(map(_is_name, filled))


def _is_name(cell: str) -> bool:
    short = len(cell) <= LONGEST and len(cell.split()) <= MOST_WORDS and "\n" not in cell
    return short and not cell.endswith(_SENTENCE_END) and _VALUE.fullmatch(cell) is None


def unnamed(names: Sequence[str]) -> list[str]:
    """Return names of columns by which each can be found: without white space around them, and none twice."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        found.append(free(name.strip() or _("column {number}", number=number), found))
    return found


def free(name: str, taken: Sequence[str]) -> str:
    """Return a name that no other column has: `label`, or else `label_2`."""
    number, free_name = 1, name
    while free_name in taken:
        number += 1
        free_name = f"{name}_{number}"
    return free_name
