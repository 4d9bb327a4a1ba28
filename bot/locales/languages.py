"""The names of languages, in the current locale."""

from __future__ import annotations

from functools import lru_cache

import langcodes

from bot.locales.current import current_locale


def language_name(tag: str) -> str:
    """Return "German" for `de`, and "Deutsch" for those who read German; the tag itself if it is none."""
    return _named(tag, current_locale())


@lru_cache(maxsize=4096)
def _named(tag: str, locale: str) -> str:
    try:
        return str(langcodes.Language.get(tag).display_name(locale))
    except langcodes.LanguageTagError:
        return tag
