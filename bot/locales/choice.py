"""Which locale somebody reads: the first one wanted that is offered."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError

from bot.locales.current import ENGLISH
from bot.locales.offered import offered


def locale_for(*wanted: str | None) -> str:
    """Return the first of some languages that is offered; English if none is.

    Args:
        wanted: as Discord, browsers or we write them: "es-419", "pt-BR", "de", "pt_BR"; None where nobody says one.
    """
    for code in wanted:
        if code is not None and (found := offered_for(code)) is not None:
            return found
    return ENGLISH


def offered_for(code: str) -> str | None:
    """Return the offered locale of a language: the same one, or else the same language in another region; or None."""
    try:
        asked = Locale.parse(code, sep="-" if "-" in code else "_")
    except (ValueError, UnknownLocaleError):
        return None
    known = offered()
    if str(asked) in known:
        return str(asked)
    return next((one for one in known if one.partition("_")[0] == asked.language), None)
