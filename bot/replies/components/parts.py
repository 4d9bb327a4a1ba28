"""Long lists in menus, part by part: Discord has room for 25 options, so two of them lead to the parts around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import discord

from bot.locales.message import _, plural
from bot.locales.numbers import whole

Noun: TypeAlias = Literal["words", "places"]
"""What a list is of."""

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

    def turns(self, noun: Noun) -> Iterator[discord.SelectOption]:
        """Yield the options that lead to the part before and to the one after, if there are any."""
        if self.first:
            yield discord.SelectOption(label=_before(noun), value=f"{FROM}:{self.first - self.size}")
        if self.end < self.total:
            yield discord.SelectOption(label=_more(noun, self.total - self.end), value=f"{FROM}:{self.end}")


def _before(noun: Noun) -> str:
    # Translators: options of a menu that has room for a part of a list, at most 100 characters.
    return _("… words before these") if noun == "words" else _("… places before these")


def _more(noun: Noun, number: int) -> str:
    if noun == "words":
        # Translators: an option of a menu that has room for a part of a list, at most 100 characters.
        return plural("… {number} more word", "… {number} more words", number, number=whole(number))
    # Translators: an option of a menu that has room for a part of a list, at most 100 characters. Places in a text.
    return plural("… {number} more place", "… {number} more places", number, number=whole(number))


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
