"""How each locale writes numbers and lists, as the Unicode CLDR says, read once.

Source: https://cldr.unicode.org, by way of Babel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol

from bot.locales.current import ENGLISH, current_locale


@dataclass(frozen=True)
class Conventions:
    """What a locale does differently from English.

    Attributes:
        locale: for Babel's functions.
        separators: from those of Python's numbers, for `str.translate`.
        groups_by_thousands: whether all groups have three digits. India's have two above the thousands.
        percent: has the field `{number}`.
        enumeration: stands between the items of a list.
    """

    locale: Locale
    separators: dict[int, str]
    groups_by_thousands: bool
    percent: str
    enumeration: str


def decimal_sign() -> str:
    """Return the decimal point or comma of the current locale."""
    locale = current_locale()
    return "." if locale == ENGLISH else str(conventions(locale).separators[ord(".")])


@cache
def conventions(locale: str) -> Conventions:
    """Return the conventions of a locale; English ones if nobody knows it.

    The first call for each reads a file, so it belongs before the event loop.
    """
    try:
        known = Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        known = Locale.parse(ENGLISH)
    numbers, share = known.decimal_formats[None], known.percent_formats[None]
    return Conventions(
        known,
        {ord("."): get_decimal_symbol(known), ord(","): get_group_symbol(known)},
        numbers.grouping[0] == numbers.grouping[1],
        f"{share.prefix[0]}{{number}}{share.suffix[0]}",
        known.list_patterns["standard"]["start"].replace("{0}", "").replace("{1}", ""),
    )
