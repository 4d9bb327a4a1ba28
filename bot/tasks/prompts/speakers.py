"""Speakers' names in a prompt, written so that nobody can speak in another person's name."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.inference.tokenization.markers import Folded
from bot.text.characters import visible

LONGEST_NAME = 32
NAMELESS = "User"
INDENT = "  "
_COLONS = re.compile("[:\ua789\u02d0\u02f8\u2236\ufe13\ufe30\ufe55\uff1a]")
_ROLES = frozenset(("assistant", "system"))


def speaker_name(name: str) -> str:
    """Return a display name in one line without colons, so that it does not look like a message."""
    words = _COLONS.sub(" ", visible(name)).split()
    return " ".join(words)[:LONGEST_NAME].strip() or NAMELESS


def label(name: str) -> str:
    """Return the label of a person's messages, which is never that of the model or the system."""
    name = speaker_name(name)
    return f"{name} (a person)" if _bare(name) in _ROLES else name


def said(speaker: str, text: str, speakers: Collection[str]) -> str:
    """Return a message behind its speaker's label, with lines indented that look like one of the speakers'."""
    names = {_bare(one) for one in (*speakers, NAMELESS, *_ROLES)}
    first, *lines = text.splitlines() or [""]
    return "\n".join([f"{speaker}: {first}", *(_indented(line, names) for line in lines)])


def line_of(name: str, text: str) -> str:
    """Return a channel's message in one line, behind its author's name."""
    return f"{speaker_name(name)}: {' '.join(text.split())}"


def _indented(line: str, names: Collection[str]) -> str:
    before, colon, _ = _COLONS.sub(":", line).partition(":")
    return INDENT + line if colon and not line[:1].isspace() and _bare(before) in names else line


def _bare(name: str) -> str:
    """Return a name without case, accents and invisible characters."""
    return " ".join(Folded.of(name).text.split())
