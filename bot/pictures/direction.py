"""The direction and the order of a line's parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_STRONG = {"L": "L", "R": "R", "AL": "R"}


class Run(NamedTuple):
    """The characters [start, end) of a line, and their embedding level: odd from right to left."""

    start: int
    end: int
    level: int

    @property
    def rightwards(self) -> bool:
        """Whether it is read from left to right."""
        return self.level % 2 == 0


def runs(text: str) -> list[Run]:
    """Return a line's runs in their order from left to right.

    Source: Unicode Bidirectional Algorithm (UAX #9), without paragraphs, paired brackets and explicit embeddings.
    """
    base = next((_STRONG[kind] for kind in map(unicodedata.bidirectional, text) if kind in _STRONG), "L")
    level_of = {"L": 2 if base == "R" else 0, "R": 1, "N": 2}
    levels = [level_of[kind] for kind in _with_neutrals(_kinds(text, base), base)]
    found = [Run(start, end, level) for level, start, end in spans(levels)]
    for level in range(max(levels, default=0), 0, -1):  # rule L2
        found = _reversed_from(found, level)
    return found


def spans(values: Iterable[T]) -> Iterator[tuple[T, int, int]]:
    """Yield each series of equal values as the value, its start and its end."""
    start = 0
    for value, group in groupby(values):
        end = start + len(list(group))
        yield value, start, end
        start = end


def is_leftwards(texts: Iterable[str]) -> bool:
    """Return whether texts are mostly written from right to left."""
    strong = [_STRONG[kind] for text in texts for kind in map(unicodedata.bidirectional, text) if kind in _STRONG]
    return strong.count("R") * 2 > len(strong)


def _kinds(text: str, base: str) -> list[str]:
    """Return for each character `L`, `R`, `N` (a number among letters from right to left) or `?` (neutral)."""
    kinds: list[str] = []
    strong = base
    for kind in map(unicodedata.bidirectional, text):
        if kind in _STRONG:
            strong = _STRONG[kind]
            kinds.append(strong)
        elif kind in ("EN", "AN"):
            kinds.append("N" if strong == "R" else "L")
        elif kind == "NSM" and kinds:
            kinds.append(kinds[-1])
        else:
            kinds.append("?")
    return kinds


def _with_neutrals(kinds: Sequence[str], base: str) -> list[str]:
    """Give spaces and punctuation the direction of their neighbours if these agree, otherwise that of the line."""
    resolved: list[str] = []
    for index, kind in enumerate(kinds):
        if kind != "?":
            resolved.append(kind)
            continue
        before = resolved[-1] if resolved else base
        after = next((later for later in kinds[index + 1 :] if later != "?"), base)
        resolved.append("R" if {before, after} <= {"R", "N"} else "L" if before == after == "L" else base)
    return resolved


def _reversed_from(found: Iterable[Run], level: int) -> list[Run]:
    """Reverse each series of runs at a level or above it."""
    reordered: list[Run] = []
    for is_above, group in groupby(found, lambda run: run.level >= level):
        members = list(group)
        reordered += reversed(members) if is_above else members
    return reordered
