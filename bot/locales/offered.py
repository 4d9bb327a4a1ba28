"""The languages that the bot can be had in: English, and each whose catalogue is complete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from babel import Locale

from bot.locales.catalogue import DOMAIN, catalogue
from bot.locales.current import ENGLISH


@cache
def offered() -> Sequence[str]:
    """Return the locales, such as "de" and "pt_BR", English first.

    `make messages` compiles no catalogue in which a message is missing, so what is compiled is offered.
    """
    folders = (one for one in files(__package__).iterdir() if one.is_dir())
    return ENGLISH, *sorted(
        one.name for one in folders if one.joinpath("LC_MESSAGES").joinpath(f"{DOMAIN}.mo").is_file()
    )


def own_name(locale: str) -> str:
    """Return a language's name in itself: "Deutsch"."""
    name = Locale.parse(locale).get_display_name(locale) or locale
    return name[0].upper() + name[1:]


def read_catalogues() -> None:
    """Read all that is on disk of the languages, so that nothing is read while somebody waits. This blocks."""
    for locale in offered():
        catalogue(locale)
        _ = Locale.parse(locale).decimal_formats  # Babel reads the file of a locale when something in it is asked for
