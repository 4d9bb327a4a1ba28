"""Protected text, which is not translated: Discord's own forms, links, code, emoji, and the marks of Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import regex

from bot.text.markup import FORMS, LINKS


class PieceKind(Enum):
    """A piece's role in a text."""

    WORDS = "words"
    # Protected text that stands for something, as a noun does: an emoji, a mention, a link, code.
    KEPT = "kept"
    # Protected text that formats the text around it: `**`.
    MARK = "mark"


@dataclass(frozen=True)
class Piece:
    """A piece of a text, verbatim."""

    text: str
    kind: PieceKind


FENCE = regex.compile(r"```.*?```", regex.DOTALL)
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
        (?P<ticks> `++ ) [^\n]*? (?<! ` ) (?P=ticks) (?! ` )   # code
        | {FORMS}
        | {LINKS}
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
    """Yield a text's pieces in order; joined, they are the text. A line break ends code in single backticks."""
    end = 0
    for found in _PIECE.finditer(text):
        if found.start() > end:
            yield Piece(text[end : found.start()], PieceKind.WORDS)
        yield Piece(found[0], PieceKind.MARK if found["mark"] is not None else PieceKind.KEPT)
        end = found.end()
    if end < len(text):
        yield Piece(text[end:], PieceKind.WORDS)


def without_protected(text: str) -> str:
    """Return only the words of a text."""
    spoken = {PieceKind.KEPT: " ", PieceKind.MARK: ""}
    words = "".join(spoken.get(piece.kind, piece.text) for piece in pieces(FENCE.sub(" ", text)))
    return " ".join(words.split())
