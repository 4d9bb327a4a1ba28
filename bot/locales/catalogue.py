"""The catalogues of translated messages, in gettext's format."""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import as_file, files

DOMAIN = "glassbox"


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the messages of a locale; of one without a catalogue, those of the code, which are English.

    Source: https://docs.python.org/3/library/gettext.html
    """
    with as_file(files(__package__)) as folder:
        return gettext.translation(DOMAIN, folder, [locale], fallback=True)
