"""A pseudo-locale: sentences in it are their English ones between ⟦ and ⟧, so a test sees which were translated."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from bot.locales import message

MARKED = re.compile(r"⟦[^⟦⟧]*⟧")


class Marking(gettext.NullTranslations):
    """Translations without files: each message is itself, marked."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)


@contextmanager
def marked() -> Iterator[None]:
    """Have every message appear marked inside the body, in whatever locale, task or thread it is read."""
    marking = Marking()
    with patch.object(message, "catalogue", lambda locale: marking):
        yield


def unmarked(text: str) -> str:
    """Return what of a text is outside of all marks: what was not translated. Marks may be nested."""
    while (rest := MARKED.sub("", text)) != text:
        text = rest
    return text
