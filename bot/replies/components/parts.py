"""Long lists in menus, part by part: Discord has room for 25 options, so two of them lead to the parts around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import discord

FROM = "from"
"""Begins the value of an option that leads to another part."""


@dataclass(frozen=True)
class Part:
    """The part of a list that a menu has: the indices from `first` to before `end`, of `total`."""

    first: int
    end: int
    total: int
    size: int
    """Of each part but the last."""

    def turns(self, noun: str) -> Iterator[discord.SelectOption]:
        """Yield the options that lead to the part before and to the one after, if there are any."""
        if self.first:
            yield discord.SelectOption(label=f"… {noun} before these", value=f"{FROM}:{self.first - self.size}")
        if self.end < self.total:
            yield discord.SelectOption(label=f"… {self.total - self.end:,} more {noun}", value=f"{FROM}:{self.end}")


def part_of(total: int, first: int, room: int) -> Part:
    """Return the part of a list in which an index is, or the last one.

    Args:
        total: the length of the list.
        first: the index.
        room: options of the menu, with those that lead to other parts; at least 3.
    """
    size = room if total <= room else room - 2
    begin = max(min(first, total - 1), 0) // size * size
    return Part(begin, min(begin + size, total), total, size)


def turned_to(value: str) -> int | None:
    """Return where the part begins to which a chosen option leads; None if it leads to no other part."""
    kind, _, number = value.partition(":")
    return int(number) if kind == FROM else None
