"""Languages, found by any name that people use: a code, the English name, or the language's own."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import langcodes

from bot.errors import InvalidRequest, echoed
from bot.inference.languages.aliases import FURTHER_CODES, FURTHER_NAMES, bare_name, common_names, folded, suggestions
from bot.locales.message import Message, later
from bot.locales.values import later_either, later_language

_NO_LANGUAGES = {"mis", "mul", "zxx"}
"""Uncoded, multiple, none."""
_SHORT = 3
"""Latin letters. Nearly every word of this length names a language in some language."""
_VARIETY = re.compile(r"(?P<name>[^()]+)\((?P<variety>[^()]+)\)")


@dataclass(frozen=True)
class Language:
    """A language."""

    code: str
    """BCP 47 tag in its shortest form: `de`, `zh`, `pt-BR`."""
    name: str
    """In English."""
    own_name: str

    def __str__(self) -> str:
        return self.name if self.name == self.own_name else f"{self.name} ({self.own_name})"

    def matches(self, typed: str) -> bool:
        """Return whether this may be the start of the language's name; accents, case and width are ignored."""
        typed = folded(typed)
        names = (folded(self.name), folded(self.own_name))
        return self.code.casefold().startswith(typed) or any(
            word.startswith(typed) for name in names for word in (name, *name.split())
        )


@lru_cache(maxsize=1024)
def language(code: str) -> Language:
    """Return the language of a code: ISO 639, BCP 47, or a tokenizer's (`deu_Latn`, `de_DE`)."""
    code = FURTHER_CODES.get(code.casefold(), code)
    code = code.removesuffix("_XX")  # mBART writes a region with every language, `XX` for none
    tag = langcodes.Language.get(code).prefer_macrolanguage().simplify_script()
    return Language(tag.to_tag(), tag.display_name(), tag.autonym())


def find_language(typed: str) -> Language:
    """Return the language that a user typed: a code of ISO 639, BCP 47 or a tokenizer, or a name in any language.

    Raises:
        InvalidRequest: no language has this name; the sentence suggests similar ones.
    """
    typed = "".join(character for character in " ".join(typed.split()) if character.isprintable()).strip()
    normal = " ".join(unicodedata.normalize("NFKC", typed).split())
    found = _by_code(normal) or _by_variety(normal) or _by_name(normal) or _by_name(bare_name(normal))
    if found is None:
        raise InvalidRequest(_unknown(typed, normal))
    return found


def _unknown(typed: str, normal: str) -> Message:
    shown = echoed(typed)
    hint = later("Pick one from the list that appears while you type, or use a code such as `de` or `fr`.")
    if not shown:
        return later("I need the name of a language. {hint}", hint=hint)
    near = [
        # Translators: the name of a language and its code. Change it only if brackets are others in your language.
        later("{language} (`{code}`)", language=later_language(found.code), code=found.code)
        for found in map(language, suggestions(normal))
    ]
    if not near:
        return later("I know no language called “{name}”. {hint}", name=shown, hint=hint)
    return later(
        # Translators: {near} is such as "German (`de`) or Dutch (`nl`)".
        "I know no language called “{name}”. Did you mean {near}? {hint}",
        name=shown,
        near=later_either(near),
        hint=hint,
    )


def _by_code(typed: str) -> Language | None:
    try:
        found = language(typed)
        return found if typed and langcodes.Language.get(found.code).is_valid() and _is_known(found) else None
    except (langcodes.LanguageTagError, ValueError, LookupError):
        return None


def _by_name(typed: str) -> Language | None:
    if not typed:
        return None
    plain = folded(typed)
    if (code := FURTHER_NAMES.get(plain) or common_names().get(plain)) is not None:
        return language(code)
    try:
        found = language(langcodes.find(typed).to_tag())
    except (LookupError, ValueError):
        return None
    return found if _is_known(found) and _is_likely(found, typed) else None


def _by_variety(typed: str) -> Language | None:
    """Find the language of a name such as `Chinese (Simplified)`, `Portuguese (Brazil)` or `中文(繁體)`."""
    parts = _VARIETY.fullmatch(typed)
    found = parts and (_by_name(parts["name"]) or _by_name(bare_name(parts["name"])))
    if parts is None or found is None:
        return None
    narrower = _by_name(parts["variety"])
    if narrower is not None and narrower.code.startswith(f"{found.code}-"):
        return narrower
    variety = " ".join(parts["variety"].split())
    for kind in ("script", "territory"):
        with suppress(LookupError):
            part = langcodes.Language.find_name(kind, variety, "en").to_tag().removeprefix("und-")
            return _by_code(f"{found.code}-{part}")
    return None


def _is_likely(found: Language, typed: str) -> bool:
    """Return whether this word means the language, rather than a country or nothing at all."""
    if not typed.isascii() or len(typed) > _SHORT:
        return True
    # Shorter words are codes, never names.
    return len(typed) == _SHORT and folded(typed) in (folded(found.name), folded(found.own_name))


def _is_known(found: Language) -> bool:
    """Return whether a tag means a language. Not every well-formed one does: `qqq`, `und`, `de-ZZ`, `mul`."""
    return "Unknown" not in found.name and found.code not in _NO_LANGUAGES
