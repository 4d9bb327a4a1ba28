"""The catalogues of translated messages, in gettext's format."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.locales.current import ENGLISH

DOMAIN = "glassbox"
FOLDER = files(__package__)
"""Where they are, as <locale>/LC_MESSAGES/glassbox.mo."""


@cache
def compiled() -> Mapping[str, Traversable]:
    """Return the files of the catalogues, by their locales. `make messages` compiles those that are complete."""
    found = {one.name: one.joinpath("LC_MESSAGES").joinpath(f"{DOMAIN}.mo") for one in FOLDER.iterdir() if one.is_dir()}
    return {locale: file for locale, file in sorted(found.items()) if file.is_file()}


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the messages of a locale; of one without a catalogue, those of the code, which are English.

    It is read once (see `bot.locales.offered.read_catalogues`).

    Source: https://docs.python.org/3/library/gettext.html
    """
    if locale == ENGLISH or (file := compiled().get(locale)) is None:
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        return gettext.GNUTranslations(opened)
