"""The languages that the bot can be had in: English, and each whose catalogue is complete."""

from __future__ import annotations

from collections.abc import Sequence

from babel import Locale

from bot.locales.catalogue import catalogue, compiled
from bot.locales.current import ENGLISH


def offered() -> Sequence[str]:
    """Return the locales, such as "de" and "pt_BR", English first."""
    return ENGLISH, *compiled()


def own_name(locale: str) -> str:
    """Return a language's name in itself: "Deutsch"."""
    name = Locale.parse(locale).get_display_name(locale) or locale
    return name[0].upper() + name[1:]


def read_catalogues() -> None:
    """Read all that is on disk of the languages, so that nothing is read while somebody waits. This blocks."""
    for locale in offered():
        catalogue(locale)
        # Babel reads its files of a locale when something in them is asked for.
        assert own_name(locale)
