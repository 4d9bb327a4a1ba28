"""Quotation marks, and the marks between the parts of a text, as the current locale has them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.locales.message import Message, _, later


def in_quotes(text: str) -> str:
    """Return “text”."""
    return str(later_in_quotes(text))


def later_in_quotes(text: str) -> Message:
    """Return “text”, for a reader who is not known yet."""
    # Translators: a word, a token or a name in quotation marks.
    return later("“{text}”", text=text)


def with_semicolons(parts: Iterable[str]) -> str:
    """Return "a; b; c"."""
    said = ""
    for part in parts:
        # Translators: two parts of a list whose parts may have commas. French has a space before the semicolon.
        said = _("{before}; {part}", before=said, part=part) if said else part
    return said


def with_colon(name: str, fact: str) -> str:
    """Return "name: fact"."""
    return _("{name}: {fact}", name=name, fact=fact)
