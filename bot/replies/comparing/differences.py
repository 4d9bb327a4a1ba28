"""What differs between several lists."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from difflib import SequenceMatcher
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
    marks = [[False] * len(one) for one in lists]
    for index, one in enumerate(lists):
        for other in (*lists[:index], *lists[index + 1 :]):
            common = set(_aligned(one, other))
            for place in range(len(one)):
                marks[index][place] |= place not in common
    return marks


def in_common(lists: Sequence[Sequence[Hashable]], marks: Marks) -> float:
    """Return the share of items that are not marked, 0 to 1."""
    total = sum(map(len, lists))
    return 1.0 if not total else 1 - sum(map(sum, marks)) / total


def _in_all(lists: Sequence[Sequence[Hashable]]) -> frozenset[Hashable]:
    first, *others = map(frozenset, lists)
    return first.intersection(*others)


def _aligned(one: Sequence[Hashable], other: Sequence[Hashable]) -> Iterable[int]:
    for start, _, length in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        yield from range(start, start + length)
