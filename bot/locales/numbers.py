"""Numbers, sizes, times and dates as people read them, in the current locale.

Python rounds and groups the digits in every language, so all read the same number; the locale has its separators. In
English nothing else is asked, because a reply has dozens of numbers.
"""

from __future__ import annotations

import math
from datetime import date
from functools import lru_cache
from typing import Literal, TypeAlias

from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

from bot.locales.conventions import conventions
from bot.locales.current import ENGLISH, current_locale
from bot.locales.message import in_context

Unit: TypeAlias = Literal["week", "day", "hour", "minute", "second"]

MINUS = "\N{MINUS SIGN}"
_KEPT = 1_024
"""Results of Babel's, which takes some twenty microseconds for a number."""
_FROM_MILLIONS = 1_000_000


def unknown() -> str:
    """Return what stands in the place of a number that is none."""
    # Translators: a number that could not be computed.
    return in_context("number", "unknown")


def without_groups(written: str) -> str:
    """Put the locale's decimal point into a number as Python writes it, and real minus signs: "1.5e-07", "-0.25"."""
    locale = current_locale()
    found = written if locale == ENGLISH else written.translate(conventions(locale).separators)
    return found.replace("-", MINUS)


def whole(value: int) -> str:
    """Return "47,392" for `47392`."""
    return _local(f"{value:,}")


def decimal(value: float, digits: int) -> str:
    """Return "−4.27" for `-4.2731` with two digits after the point; never −0."""
    if not math.isfinite(value):
        return unknown()
    return _local(f"{round(value, digits) + 0.0:,.{digits}f}")


def significant(value: float, digits: int = 6) -> str:
    """Return "0.000123" for `0.00012345` with three significant digits, without zeros at the end."""
    if not math.isfinite(value):
        return unknown()
    return _local(f"{value:.{digits}g}")


def signed(value: float, digits: int) -> str:
    """Return a number with its sign, such as "+0.42"; zero has none."""
    said = decimal(value, digits)
    return f"+{said}" if value > 0 and round(value, digits) and math.isfinite(value) else said


def percent(share: float, digits: int = 1) -> str:
    """Return "83.1 %" for `0.8312`; never 100 % for less than 1, nor 0 % for more than 0."""
    if not math.isfinite(share):
        return unknown()
    rounded, step = round(share * 100, digits), 10**-digits
    if rounded >= 100 and share < 1:
        return f"> {_percent(100 - step, digits)}"
    if rounded <= 0 and share > 0:
        return f"< {_percent(step, digits)}"
    return _percent(rounded, digits)


def in_millions(number: int) -> str:
    """Return "47,392", "134.5 million" for `134_515_008`, or "1.72 billion" for `1_720_574_976`."""
    if number < _FROM_MILLIONS:
        return whole(number)
    if (locale := current_locale()) != ENGLISH:
        return _compact(number, locale)
    millions = round(number / 1e6, 1)
    return f"{millions:.1f} million" if millions < 1_000 else f"{number / 1e9:,.2f} billion"


def in_bytes(number: int) -> str:
    """Return "128 kB" for `127_880`, or "1.36 GB" for `1_360_000_000`: in powers of ten, as for disks."""
    if number < 1_000:
        return _size(number, "byte", "B")
    if (kilobytes := round(number / 1e3)) < 1_000:
        return _size(kilobytes, "kilobyte", "kB")
    if (megabytes := round(number / 1e6)) < 1_000:
        return _size(megabytes, "megabyte", "MB")
    return _size(number / 1e9, "gigabyte", "GB", digits=2)


def in_seconds(seconds: float) -> str:
    """Round up, because a wait that ends early annoys nobody: `0.3` → "1 second", `75` → "2 minutes"."""
    rounded = max(1, math.ceil(seconds))
    return in_units(rounded, "second") if rounded < 60 else in_units(math.ceil(rounded / 60), "minute")


def in_units(number: int, unit: Unit) -> str:
    """Return a length of time, such as "1 day" or "15 minutes"."""
    locale = current_locale()
    if locale == ENGLISH:
        return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return _quantity(number, f"duration-{unit}", "long", 0, locale)


def day(when: date) -> str:
    """Return a date, such as "8 November 2026"."""
    locale = current_locale()
    # The English of this repository has the day first.
    return format_date(when, "d MMMM y" if locale == ENGLISH else "long", conventions(locale).locale)


def short_day(when: date) -> str:
    """Return a day without its year, such as "8 Nov"."""
    locale = current_locale()
    if locale == ENGLISH:
        return f"{when.day} {when:%b}"
    return format_skeleton("MMMd", when, locale=conventions(locale).locale)


def month(when: date) -> str:
    """Return a month, such as "Nov 2026"."""
    locale = current_locale()
    if locale == ENGLISH:
        return f"{when:%b %Y}"
    return format_skeleton("yMMM", when, locale=conventions(locale).locale)


def _local(number: str) -> str:
    """Put a locale's separators into a number as Python writes it, and a real minus before it."""
    locale = current_locale()
    if locale != ENGLISH:
        known = conventions(locale)
        if known.groups_by_thousands or "," not in number:
            number = number.translate(known.separators)
        else:
            units, point, rest = number.partition(".")
            number = f"{_regrouped(units, locale)}{(point + rest).translate(known.separators)}"
    return MINUS + number[1:] if number.startswith("-") else number


def _percent(number: float, digits: int) -> str:
    locale = current_locale()
    written = _local(f"{number:.{digits}f}")
    return f"{written} %" if locale == ENGLISH else conventions(locale).percent.format(number=written)


def _size(number: float, unit: str, sign: str, digits: int = 0) -> str:
    locale = current_locale()
    if locale == ENGLISH:
        return f"{number:,.{digits}f} {sign}"
    return _quantity(number, f"digital-{unit}", "short", digits, locale)


@lru_cache(_KEPT)
def _regrouped(units: str, locale: str) -> str:
    return format_decimal(int(units.replace(",", "")), locale=conventions(locale).locale)


@lru_cache(_KEPT)
def _compact(number: int, locale: str) -> str:
    return format_compact_decimal(number, format_type="long", locale=conventions(locale).locale, fraction_digits=2)


@lru_cache(_KEPT)
def _quantity(number: float, unit: str, length: Literal["short", "long"], digits: int, locale: str) -> str:
    pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
    return format_unit(number, unit, length, pattern, conventions(locale).locale)
