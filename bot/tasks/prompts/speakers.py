"""Who says what, written down so that nobody can put words into another's mouth."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.inference.tokenization.markers import Folded
from bot.text.accepted import visible_text

LONGEST_NAME = 32
NAMELESS = "User"
INDENT = "  "
_COLONS = re.compile("[:\ua789\u02d0\u02f8\u2236\ufe13\ufe30\ufe55\uff1a]")
_ROLES = frozenset(("assistant", "system"))


def speaker_name(name: str) -> str:
    """A display name in one line that cannot be taken for something said."""
    words = _COLONS.sub(" ", visible_text(name)).split()
    return " ".join(words)[:LONGEST_NAME].strip() or NAMELESS


def label(name: str) -> str:
    """How a person is named before what they say: never as the model is, or as the instruction."""
    name = speaker_name(name)
    return f"{name} (a person)" if _bare(name) in _ROLES else name


def said(speaker: str, text: str, speakers: Collection[str]) -> str:
    """What somebody says, behind their name. A line of it that looks like somebody else's is indented.

    Args:
        speaker: their label.
        speakers: the labels of all who speak.
    """
    names = {_bare(one) for one in (*speakers, NAMELESS, *_ROLES)}
    first, *lines = text.splitlines() or [""]
    return "\n".join([f"{speaker}: {first}", *(_indented(line, names) for line in lines)])


def line_of(name: str, text: str) -> str:
    """A message of a channel in one line, behind its writer's name."""
    return f"{speaker_name(name)}: {' '.join(text.split())}"


def _indented(line: str, names: Collection[str]) -> str:
    before, colon, _ = _COLONS.sub(":", line).partition(":")
    return INDENT + line if colon and not line[:1].isspace() and _bare(before) in names else line


def _bare(name: str) -> str:
    """A name as it looks, without case, accents and what nobody sees."""
    return " ".join(Folded.of(name).text.split())
