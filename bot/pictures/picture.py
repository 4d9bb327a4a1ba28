"""What a drawing function returns."""

from __future__ import annotations

from dataclasses import dataclass

ALT_LIMIT = 1024
"""Of an attachment's description, in characters: https://docs.discord.com/developers/resources/message#attachment-object"""


@dataclass(frozen=True)
class Picture:
    """A picture to attach to a reply.

    Attributes:
        png: the file.
        alt: the same in words, at most `ALT_LIMIT` characters, without markup.
        width: in pixels.
        height: in pixels.
    """

    png: bytes
    alt: str
    width: int
    height: int
