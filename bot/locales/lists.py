"""Lists of names in a sentence, and sentences behind each other, in the current locale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from babel.lists import format_list

from bot.locales.conventions import conventions, decimal_sign
from bot.locales.current import ENGLISH, current_locale
from bot.locales.message import Message, _


def joined(names: Iterable[str | Message]) -> str:
    """Return "a", "a and b" or "a, b and c"; nothing for no names."""
    return _listed(names, "and", "standard")


def either(names: Iterable[str | Message]) -> str:
    """Return "a", "a or b" or "a, b or c"; nothing for no names."""
    return _listed(names, "or", "or")


def enumerated(names: Iterable[str | Message]) -> str:
    """Return "a, b, c"."""
    locale = current_locale()
    return (", " if locale == ENGLISH else conventions(locale).enumeration).join(map(str, names))


def in_a_row(numbers: Iterable[str]) -> str:
    """Return "0.50, −0.25", of numbers that are written already; a decimal comma asks for semicolons: "0,50; −0,25"."""
    if decimal_sign() == ",":
        return "; ".join(numbers)
    return enumerated(numbers)


def sentences(*said: str | Message | None) -> str:
    """Return whole sentences behind each other: with a space between them, or with none, as in Japanese.

    Those that are empty or None are left out.
    """
    # Translators: two whole sentences, one after the other.
    between = _("{first} {second}", first="", second="")
    return between.join(filter(None, (str(one) for one in said if one is not None)))


def _listed(names: Iterable[str | Message], word: str, style: Literal["standard", "or"]) -> str:
    items = [str(name) for name in names]
    if len(items) < 2:
        return "".join(items)
    if (locale := current_locale()) != ENGLISH:
        return format_list(items, style, conventions(locale).locale)
    # As this repository writes English: without a comma before the last.
    return f"{', '.join(items[:-1])} {word} {items[-1]}"
