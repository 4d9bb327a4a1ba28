"""Which parts of a line run from right to left, and in which order the parts stand.

The Unicode Bidirectional Algorithm (UAX #9) without what tokens and labels never have: paragraphs, explicit embeddings
(`wording.visible` replaces them) and paired brackets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

_STRONG = {"L": "L", "R": "R", "AL": "R"}


class Run(NamedTuple):
    """A part of a line that runs in one direction.

    Attributes:
        start: index of its first character.
        end: index behind its last.
        rightwards: false where it runs from right to left.
    """

    start: int
    end: int
    rightwards: bool


def runs(text: str) -> list[Run]:
    """A line's runs, in the order in which they stand from left to right."""
    base = 1 if _first_strong(text) == "R" else 0
    levels = _levels(text, base)
    found, start = [], 0
    for level, group in groupby(levels):
        length = len(list(group))
        found.append((level, Run(start, start + length, level % 2 == 0)))
        start += length
    return _in_visual_order(found)


def is_leftwards(texts: Iterable[str]) -> bool:
    """Whether texts are mostly written from right to left."""
    strong = [_STRONG[kind] for text in texts for char in text if (kind := unicodedata.bidirectional(char)) in _STRONG]
    return strong.count("R") * 2 > len(strong)


def _first_strong(text: str) -> str | None:
    return next((_STRONG[kind] for char in text if (kind := unicodedata.bidirectional(char)) in _STRONG), None)


def _levels(text: str, base: int) -> list[int]:
    """Each character's embedding level: even from left to right, odd from right to left."""
    kinds = _kinds(text, "R" if base else "L")
    level_of = {"L": 2 * base, "R": 1, "N": 2}
    return [level_of[kind] for kind in kinds]


def _kinds(text: str, base: str) -> list[str]:
    """`L`, `R`, or `N` for a number amid letters that run from right to left."""
    kinds: list[str] = []
    strong = base
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in _STRONG:
            strong = _STRONG[kind]
            kinds.append(strong)
        elif kind in ("EN", "AN"):
            kinds.append("N" if strong == "R" else "L")
        elif kind == "NSM" and kinds:
            kinds.append(kinds[-1])
        else:
            kinds.append("?")
    return _with_neutrals(kinds, base)


def _with_neutrals(kinds: Sequence[str], base: str) -> list[str]:
    """Spaces and punctuation take the direction of both neighbours where these agree, else that of the line."""
    resolved: list[str] = []
    for index, kind in enumerate(kinds):
        if kind != "?":
            resolved.append(kind)
            continue
        before = resolved[-1] if resolved else base
        after = next((later for later in kinds[index + 1 :] if later != "?"), base)
        resolved.append("R" if {before, after} <= {"R", "N"} else "L" if before == after == "L" else base)
    return resolved


def _in_visual_order(levelled: list[tuple[int, Run]]) -> list[Run]:
    """Rule L2: from the highest level to the lowest odd one, whatever is at that level or above is turned round."""
    for level in range(max((level for level, _ in levelled), default=0), 0, -1):
        levelled = _turned_round(levelled, level)
    return [run for _, run in levelled]


def _turned_round(levelled: list[tuple[int, Run]], level: int) -> list[tuple[int, Run]]:
    turned: list[tuple[int, Run]] = []
    for is_above, group in groupby(levelled, lambda item: item[0] >= level):
        members = list(group)
        turned += reversed(members) if is_above else members
    return turned
