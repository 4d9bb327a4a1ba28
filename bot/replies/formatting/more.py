"""The line that ends a list from which something is left out."""

from __future__ import annotations

from bot.locales.message import plural
from bot.locales.numbers import whole


def and_more(number: int) -> str:
    """Return "… and 3 more"."""
    # Translators: ends a list of things of any kind, such as labels, names or devices.
    return plural("… and {number} more", "… and {number} more", number, number=whole(number))
