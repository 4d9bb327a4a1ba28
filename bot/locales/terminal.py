"""The language of a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from bot.locales.choice import locale_for


def locale_of_terminal(environment: Mapping[str, str]) -> str:
    """Return the locale of `LC_ALL`, `LC_MESSAGES` or `LANG`, the first that is set; English if it isn't offered.

    Source: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(variable):
            # Such as "pt_BR.UTF-8@euro".
            return locale_for(value.partition(".")[0].partition("@")[0])
    return locale_for()
