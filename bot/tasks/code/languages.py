"""Programming languages: their names, and how to recognise their code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.errors import InvalidRequest, echoed
from bot.locales.message import later
from bot.text.characters import identity
from bot.text.tables import read_table


@dataclass(frozen=True)
class CodeLanguage:
    """A programming language; `languages.toml` explains the fields."""

    code: str
    name: str
    extension: str
    aliases: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    in_blocks: bool = True

    @cached_property
    def names(self) -> frozenset[str]:
        """All names, case-folded."""
        return frozenset(map(str.casefold, (self.code, self.name, self.extension, *self.aliases)))

    def matches(self, typed: str) -> bool:
        """Return whether one of its names begins like this."""
        start = identity(typed)
        return any(name.startswith(start) for name in self.names)

    def score(self, code: str) -> int:
        """Count the language's marks in some code."""
        return sum(re.search(mark, code, re.MULTILINE) is not None for mark in self.marks)


def _language(code: str, table: Mapping[str, Any]) -> CodeLanguage:
    many = {name: tuple(table.get(name, ())) for name in ("aliases", "marks")}
    return CodeLanguage(**{"code": code, "extension": code, **table, **many})


LANGUAGES = tuple(_language(*one) for one in read_table("bot.tasks.code", "languages.toml").items())
PLAIN = LANGUAGES[-1]
_EDGE = 16
"""Characters that count at both ends of a gap."""
_LONG_GAP = re.compile(rf"\s{{{2 * _EDGE + 1},}}")
_BY_NAME = {name: language for language in reversed(LANGUAGES) for name in language.names}


def known_code_language(name: str) -> CodeLanguage | None:
    """Return the language of this name, short form, or file extension; None if there is none."""
    return _BY_NAME.get(identity(name).removeprefix("."))


def find_code_language(name: str) -> CodeLanguage:
    """Like `known_code_language`; raises `InvalidRequest` if there is none."""
    found = known_code_language(name)
    if found is None:
        shown = echoed(name)
        hint = later("Choose one from the list, or leave `language` out.")
        if not shown:
            raise InvalidRequest(later("I know no such language. {hint}", hint=hint))
        raise InvalidRequest(later("I know no programming language called “{name}”. {hint}", name=shown, hint=hint))
    return found


def guess_code_language(code: str) -> CodeLanguage:
    """Return the language with the most marks in some code; plain text if there are none."""
    # Most marks begin with white space, which would be tried from each line of a long gap to the gap's end.
    read = _LONG_GAP.sub(lambda gap: gap[0][:_EDGE] + gap[0][-_EDGE:], code)
    score, best = max(((language.score(read), language) for language in LANGUAGES), key=lambda one: one[0])
    return best if score else PLAIN


def code_languages(typed: str) -> list[CodeLanguage]:
    """Return the languages with a name that begins like this, the common ones first."""
    return [language for language in LANGUAGES if language.matches(typed)]
