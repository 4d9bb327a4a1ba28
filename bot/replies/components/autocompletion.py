"""Choices of autocompletions."""

from __future__ import annotations

from collections.abc import Iterable

from discord import app_commands

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import Language, find_language, language
from bot.inference.languages.pairs import serving
from bot.locales.languages import language_name
from bot.replies.formatting.text import fit, visible
from bot.text.characters import identity

MOST_CHOICES = 25
LONGEST_NAME = 100
COMMON = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "ja", "ko", "zh", "vi", "sv",
    "ro", "cs", "el", "hu", "da", "fi",
)  # fmt: skip
"""Offered first, and alone if the checkpoint's languages are unknown."""


def language_choices(
    typed: str, codes: Iterable[str] | None, unlikely: str | None = None
) -> list[app_commands.Choice[str]]:
    """Return the languages that match a typed text.

    Args:
        typed: the start of a code, or of a name in English, in the person's language or in the language itself; empty
            for all.
        codes: of the languages to choose from; None if they are unknown.
        unlikely: the code of a language that is offered behind the other common ones.
    """
    known = {found.code: found for found in map(language, COMMON if codes is None else codes)}
    meant = _meant(typed, known)
    matching = sorted(
        (found for found in known.values() if _matches(found, typed) or found.code in meant),
        key=lambda one: _order(one, typed, unlikely),
    )
    return [
        app_commands.Choice(name=fit(_shown(found), LONGEST_NAME, visible)[0], value=found.code)
        for found in matching[:MOST_CHOICES]
    ]


def _shown(found: Language) -> str:
    name = language_name(found.code)
    return name if name == found.own_name else f"{name} ({found.own_name})"


def _matches(found: Language, typed: str) -> bool:
    return found.matches(typed) or identity(language_name(found.code)).startswith(identity(typed))


def _meant(typed: str, known: Iterable[str]) -> list[str]:
    """Return the codes of a language whose full name was typed, in any language."""
    try:
        return serving(find_language(typed).code, known)
    except InvalidRequest:
        return []


def _order(found: Language, typed: str, unlikely: str | None) -> tuple[bool, int, str]:
    """Return a sort key: a fully typed code first, then common languages, then by name."""
    common = COMMON.index(found.code) if found.code in COMMON else len(COMMON) + 1
    rank = len(COMMON) if found.code == unlikely else common
    return (found.code.casefold() != identity(typed), rank, found.name)
