"""Languages by any name that people use: a code, the English name, or the language's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import langcodes

from bot.errors import InvalidRequest, echoed

_NO_LANGUAGES = {"mis", "mul", "zxx"}
"""Uncoded, multiple, none."""


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        code: BCP 47 tag, shortest form: `de`, `zh`, `pt-BR`.
        name: in English.
        own_name: in the language itself.
    """

    code: str
    name: str
    own_name: str

    def __str__(self) -> str:
        return self.name if self.name == self.own_name else f"{self.name} ({self.own_name})"

    def matches(self, typed: str) -> bool:
        """Whether somebody who types this may mean the language."""
        typed = typed.casefold().strip()
        names = (self.name.casefold(), self.own_name.casefold())
        return self.code.casefold().startswith(typed) or any(
            word.startswith(typed) for name in names for word in (name, *name.split())
        )


@lru_cache(maxsize=1024)
def language(code: str) -> Language:
    """The language with a code: ISO 639 or BCP 47, and the forms that tokenizers use (`deu_Latn`, `de_DE`)."""
    tag = langcodes.Language.get(_without_region_noise(code)).prefer_macrolanguage().simplify_script()
    return Language(tag.to_tag(), tag.display_name(), tag.autonym())


def _without_region_noise(code: str) -> str:
    """mBART writes a region with every language, `XX` where it means none."""
    return code.split("_")[0] if code.endswith("_XX") else code


def find_language(typed: str) -> Language:
    """The language that somebody typed.

    Raises:
        InvalidRequest: there is none of that name.
    """
    typed = "".join(character for character in " ".join(typed.split()) if character.isprintable()).strip()
    found = _by_code(typed) or _by_name(typed)
    if found is None:
        shown = echoed(typed)
        problem = f"I know no language called “{shown}”." if shown else "I need the name of a language."
        raise InvalidRequest(
            f"{problem} Pick one from the list that appears while you type, or use a code such as `de` or `fr`."
        )
    return found


def _by_code(typed: str) -> Language | None:
    try:
        found = language(typed)
        return found if typed and langcodes.Language.get(found.code).is_valid() and _is_known(found) else None
    except (langcodes.LanguageTagError, ValueError, LookupError):
        return None


def _by_name(typed: str) -> Language | None:
    try:
        found = language(langcodes.find(typed).to_tag())
    except (LookupError, ValueError):
        return None
    return found if _is_known(found) else None


def _is_known(found: Language) -> bool:
    """Whether a tag means a language. Well-formed ones need not: `qqq`, `und`, `de-ZZ`, `mul`."""
    return "Unknown" not in found.name and found.code not in _NO_LANGUAGES
