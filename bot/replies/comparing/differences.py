"""What differs between several lists."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations, takewhile
from typing import TypeAlias

Marks: TypeAlias = "list[list[bool]]"
"""For each list, and each of its items, whether it differs."""


def by_place(lists: Sequence[Sequence[Hashable]]) -> Marks:
    """Mark the items at whose place not all lists have the same."""
    return [
        [any(place >= len(other) or other[place] != item for other in lists) for place, item in enumerate(one)]
        for one in lists
    ]


def by_membership(lists: Sequence[Sequence[Hashable]]) -> Marks:
    """Mark the items that are not in all lists."""
    in_all = _in_all(lists)
    return [[item not in in_all for item in one] for one in lists]


def by_order(lists: Sequence[Sequence[Hashable]]) -> Marks:
    """Mark the items that have no counterpart, in the same order, in each of the other lists."""
    counterparts = [[0] * len(one) for one in lists]
    for (first, one), (second, other) in combinations(enumerate(lists), 2):
        for place, place_in_other in _aligned(one, other):
            counterparts[first][place] += 1
            counterparts[second][place_in_other] += 1
    return [[count < len(lists) - 1 for count in one] for one in counterparts]


def in_common(lists: Sequence[Sequence[Hashable]], marks: Marks) -> float:
    """Return the share of items that are not marked, 0 to 1."""
    total = sum(map(len, lists))
    return 1.0 if not total else 1 - sum(map(sum, marks)) / total


def _in_all(lists: Sequence[Sequence[Hashable]]) -> frozenset[Hashable]:
    first, *others = map(frozenset, lists)
    return first.intersection(*others)


def _aligned(one: Sequence[Hashable], other: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield the places of items in one list and of their counterparts in the other."""
    # Equal beginnings and ends are left out, because the matcher takes seconds for long texts of few different words.
    begin = _same(one, other)
    end = min(_same(reversed(one), reversed(other)), len(one) - begin, len(other) - begin)
    middle, other_middle = one[begin : len(one) - end], other[begin : len(other) - end]
    yield from ((place, place) for place in range(begin))
    for start, other_start, length in SequenceMatcher(None, middle, other_middle, autojunk=False).get_matching_blocks():
        yield from ((begin + start + step, begin + other_start + step) for step in range(length))
    yield from ((len(one) - step, len(other) - step) for step in range(1, end + 1))


def _same(one: Iterable[Hashable], other: Iterable[Hashable]) -> int:
    """Return how many items two lists have in common from their beginnings."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
