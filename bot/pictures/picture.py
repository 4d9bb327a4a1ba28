"""The result of a drawing function."""

from __future__ import annotations

from dataclasses import dataclass

ALT_LIMIT = 1024
"""Of an attachment's description, in characters: https://docs.discord.com/developers/resources/message#attachment-object"""


@dataclass(frozen=True)
class Picture:
    """A picture to attach to a reply, and its size in pixels."""

    png: bytes
    alt: str
    """The same in words: at most `ALT_LIMIT` characters, without markup."""
    width: int
    height: int
