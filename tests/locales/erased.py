"""A pseudo-locale in which messages have no words, so whatever words are left were not translated.

Unlike the marks of `tests.locales.pseudo`, it shows untranslated words in the fields of translated sentences too.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import regex

from bot.locales import command_tree
from tests.locales.pseudo import Pseudo, everywhere

LETTERS = regex.compile(r"\p{L}")
WORDS = regex.compile(r"\p{L}{2,}")


class Erasing(Pseudo):
    """Each message has a dot for each letter, and its fields."""

    def gettext(self, message: str) -> str:
        try:
            parts = list(string.Formatter().parse(message))
        except ValueError:  # its braces are no fields
            return str(LETTERS.sub("·", message))
        return "".join(
            LETTERS.sub("·", text) + ("" if field is None else f"{{{field}}}") for text, field, _, _ in parts
        )


@contextmanager
def erased() -> Iterator[None]:
    """Have every message appear without its words inside the body, and the command tree's too."""
    erasing = Erasing()
    with everywhere(erasing), patch.object(command_tree, "catalogue", lambda locale: erasing):
        yield
