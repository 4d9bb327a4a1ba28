"""Messages in our tables of prose (TOML), for Babel: see babel.cfg."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

Extracted = tuple[int, str, str | tuple[str, str], list[str]]
"""As Babel wants it: a place to sort by, the name of a function, what it was given, comments for translators."""


def extract(file: IO[bytes], keywords: object, comment_tags: object, options: Mapping[str, str]) -> Iterator[Extracted]:
    """Yield every text of a table. A table of `one` and `other` is a sentence for a number of things.

    Args:
        options: `without` has the keys, at any depth, whose texts are no prose.
    """
    without = frozenset(options.get("without", "").split())
    for place, (path, text) in enumerate(_texts(tomllib.loads(file.read().decode()), (), without), 1):
        yield place, "plural" if isinstance(text, tuple) else "_", text, [f"Translators: {'.'.join(path)}"]


def _texts(
    value: Any, path: tuple[str, ...], without: Collection[str]
) -> Iterator[tuple[tuple[str, ...], str | tuple[str, str]]]:
    match value:
        case str():
            if value.strip():
                yield path, value
        case {"one": str(one), "other": str(other), **rest} if not rest:
            yield path, (one, other)
        case dict():
            for key, inner in value.items():
                if key not in without:
                    yield from _texts(inner, (*path, key), without)
        case list():
            for number, inner in enumerate(value):
                yield from _texts(inner, (*path, str(number)), without)
        case _:
            return
