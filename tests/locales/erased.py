"""A pseudo-locale in which messages have no words, so whatever words are left were not translated.

Unlike the marks of `tests.locales.pseudo`, it shows untranslated words in the fields of translated sentences too.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import regex

from bot.locales import command_tree, message

LETTERS = regex.compile(r"\p{L}")
WORDS = regex.compile(r"\p{L}{2,}")


class Erasing(gettext.NullTranslations):
    """Translations without files: each message has a dot for each letter, and its fields."""

    def gettext(self, message: str) -> str:
        try:
            parts = list(string.Formatter().parse(message))
        except ValueError:  # its braces are no fields
            return str(LETTERS.sub("·", message))
        return "".join(
            LETTERS.sub("·", text) + ("" if field is None else f"{{{field}}}") for text, field, _, _ in parts
        )

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)


@contextmanager
def erased() -> Iterator[None]:
    """Have every message appear without its words inside the body, and the command tree's too."""
    erasing = Erasing()
    with (
        patch.object(message, "catalogue", lambda locale: erasing),
        patch.object(command_tree, "catalogue", lambda locale: erasing),
    ):
        yield
