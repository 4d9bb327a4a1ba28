"""The catalogues of translated messages, in gettext's format."""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import as_file, files

from bot.locales.current import ENGLISH

DOMAIN = "glassbox"


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the messages of a locale; of one without a catalogue, those of the code, which are English.

    It is read once (see `bot.locales.offered.read_catalogues`).

    Source: https://docs.python.org/3/library/gettext.html
    """
    if locale == ENGLISH:
        return gettext.NullTranslations()
    with as_file(files(__package__)) as folder:
        return gettext.translation(DOMAIN, folder, [locale], fallback=True)
