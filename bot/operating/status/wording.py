"""Words that several parts of `/status` use."""

from __future__ import annotations

import math

from bot.locales.message import _, in_context, plural
from bot.locales.numbers import decimal, whole


def more(number: int) -> str:
    """Return what ends a list from which so many are left out."""
    # Translators: after a list that is shortened.
    return plural("… and {number} more", "… and {number} more", number, number=whole(number))


def short_time(seconds: float) -> str:
    """Return a time in seconds or milliseconds, such as "1.2 s"; "unknown" for NaN."""
    if not math.isfinite(seconds):
        # Translators: a time that nobody has measured.
        return in_context("time", "unknown")
    if seconds >= 1:
        # Translators: seconds.
        return _("{number} s", number=decimal(seconds, 1))
    # Translators: milliseconds.
    return _("{number} ms", number=decimal(1000 * seconds, 0))
