"""A pseudo-locale: sentences in it are their English ones between ⟦ and ⟧, so a test sees which were translated."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

from bot.locales import message

MARKED = re.compile(r"⟦[^⟦⟧]*⟧")


class Pseudo(gettext.NullTranslations):
    """Translations without files: all forms of a message become what `gettext` makes of the English one."""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)


class Marking(Pseudo):
    """Each message is itself, marked."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"


@contextmanager
def everywhere(translations: Pseudo) -> Iterator[None]:
    """Have every message appear translated like this inside the body, in whatever locale, task or thread it is read."""
    with patch.object(message, "catalogue", lambda locale: translations):
        yield


def marked() -> AbstractContextManager[None]:
    """Have every message appear marked inside the body."""
    return everywhere(Marking())


def unmarked(text: str) -> str:
    """Return what of a text is outside of all marks: what was not translated. Marks may be nested."""
    while (rest := MARKED.sub("", text)) != text:
        text = rest
    return text
