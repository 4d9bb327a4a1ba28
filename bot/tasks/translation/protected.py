"""What in a message is no language: Discord's own forms, links, code, emoji, and the marks of Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import regex  # type: ignore[import-untyped]

from bot.text.discord_forms import FORMS


class Kind(Enum):
    """What a piece of a text is."""

    WORDS = "words"
    """Language."""
    KEPT = "kept"
    """Stands for something, as a noun does: an emoji, a mention, a link, code."""
    MARK = "mark"
    """Says how what is around it looks: `**`."""


@dataclass(frozen=True)
class Piece:
    """A piece of a text, as it stands there."""

    text: str
    kind: Kind


FENCE = regex.compile(r"```.*?```", regex.DOTALL)
"""Code of several lines."""

_PATH = r"(?: (?> \( [^\s()<>]* \) | [^\s<>`|*)] ) )* (?<! [.,;:!?'\"”’…\]}] )"
"""Of a link: parentheses come in pairs, and punctuation at the end is the sentence's."""
_LINK = rf"(?:https?|ftp|steam|discord):// {_PATH}"
_DOMAINS = "com|org|net|edu|gov|io|gg|dev|app|ai|co|me|tv|info|eu|de|fr|es|it|nl|pl|uk|ru|jp|cn|br|ch|at|be|se|us|ca"
_PIECE = regex.compile(
    rf"""
    (?P<mark>
        \\ [*_~|`>\#\[\]()-]                         # an escaped mark
        | \[ (?= [^\[\]\n]+ \] \( <?https?:// )      # [text](https://…)
        | \] \( <?https?:// [^\s()]* (?: \( [^\s()]* \) [^\s()]* )* >? \)
        | \*+ | ~~ | \|\|
        | (?<! \w ) _+ (?= \S ) | (?<= \S ) _+ (?! \w )
    )
    | (?P<kept>
        (?P<ticks> `+ ) (?! ` ) [^\n]*? (?<! ` ) (?P=ticks) (?! ` )   # code
        | {FORMS}
        | <{_LINK}>
        | {_LINK}
        | (?<! [\w@.] ) [\w.+-]+ @ \w[\w-]* (?: \. \w[\w-]* )+
        | (?<! [\w@.] ) (?: [a-z0-9-]+ \. )+ (?: {_DOMAINS} ) (?! [\w.-]*\w ) (?: / {_PATH} )?
        | @ (?: everyone | here ) \b
        | (?<! [\w:] ) : [A-Za-z][\w+-]+ : (?! [\w:] )     # :smile:
        | (?<! [\w.,] ) \+ (?= (?: [ .()/-]{{0,2}} \d ){{7}} ) \d+ (?: [ .()/-]{{1,2}} \d+ )+ (?! \w )  # telephone,
        | (?<! [\w.,] ) \+? \d{{6,}} (?! \w )        # the same without spaces, identifiers
        | (?<! \w ) \w* [^\W_] _ [^\W_] \w* (?! \w )       # names_in_code
        | (?: (?! [\d\#*©®™] ) (?= [\p{{Extended_Pictographic}}\p{{Regional_Indicator}}] ) \X )+
        | [\d\#*] \uFE0F? \u20E3                     # keycaps
    )
    """,
    regex.VERBOSE,
)


def pieces(text: str) -> Iterator[Piece]:
    """A text's pieces in order: together they are the text. A line break ends code in single ticks."""
    end = 0
    for found in _PIECE.finditer(text):
        if found.start() > end:
            yield Piece(text[end : found.start()], Kind.WORDS)
        yield Piece(found[0], Kind.MARK if found["mark"] is not None else Kind.KEPT)
        end = found.end()
    if end < len(text):
        yield Piece(text[end:], Kind.WORDS)


def without_protected(text: str) -> str:
    """Only what is in a language."""
    words = "".join(_said(piece) for piece in pieces(FENCE.sub(" ", text)))
    return " ".join(words.split())


def _said(piece: Piece) -> str:
    return {Kind.WORDS: piece.text, Kind.KEPT: " ", Kind.MARK: ""}[piece.kind]
