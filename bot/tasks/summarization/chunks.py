"""Splitting a long text into parts that a model can read one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Between lines, sentences and words, the best cuts first.
_BORDERS = tuple(map(re.compile, (r"(?<=\n)(?=\S)", r"(?<=[.!?…。！？])\s+(?=\S)|(?<=[。！？])", r"\s+")))


def chunks(text: str, room: int, count: Callable[[str], int]) -> list[str]:
    """Split a text into parts that end with a line if possible, else with a sentence, else with a word.

    Nothing but white space between parts is dropped.

    Args:
        room: the most tokens of a part; at least enough for one character.
        count: returns the number of a text's tokens.
    """
    whole = count(text)
    if whole <= room:
        return [text]
    parts = -(-whole // room)
    aim = min(room, -(-whole // parts) + room // 20)  # parts of about equal length, so that the last is no leftover
    found = _packed(list(_pieces(text, aim, count)), aim, count)
    # Joined pieces may have a token more than they have on their own.
    half = max(1, room // 2)
    halves = ([one] if count(one) <= room else _packed(list(_pieces(one, half, count)), half, count) for one in found)
    return [part for parts in halves for part in parts]


def _pieces(text: str, room: int, count: Callable[[str], int], level: int = 0) -> Iterator[str]:
    """Yield pieces that fit, cut as well as possible, each with the white space behind it."""
    if count(text) <= room or len(text) < 2:
        yield text
    elif level == len(_BORDERS):
        middle = len(text) // 2
        yield from _pieces(text[:middle], room, count, level)
        yield from _pieces(text[middle:], room, count, level)
    else:
        for piece in _cut(text, _BORDERS[level]):
            yield from _pieces(piece, room, count, level + 1)


def _cut(text: str, border: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in border.finditer(text):
        if found.end() > start:
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def _packed(pieces: list[str], room: int, count: Callable[[str], int]) -> list[str]:
    """Join as many pieces as fit into each part."""
    parts: list[str] = []
    sizes: list[int] = []
    for piece in pieces:
        size = count(piece)
        if parts and sizes[-1] + size <= room:
            parts[-1] += piece
            sizes[-1] += size
        else:
            parts.append(piece)
            sizes.append(size)
    return [part.strip() for part in parts if part.strip()]
