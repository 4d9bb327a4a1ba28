"""Parts of a message that are not prose: Discord's own forms, links, and code."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import regex

from bot.text.graphemes import Span

# Quantifiers are possessive if backtracking could not help, so that no text takes long.
FORMS = r"""
      < a? : \w+ : \d+ >                 # an emoji of a server
    | < (?: @[!&]? | \# ) \d+ >          # a person, a role, a channel
    | < / [^<>:\n]+ : \d+ >              # a command
    | < t : -?\d+ (?: : [A-Za-z] )? >    # a time
    | < id : \w+ (?: : \d+ )? >          # a tab of the server
"""
"""A verbose pattern of Discord's own forms. Source: Discord's developer documentation, "Message Formatting"."""

# Parentheses in a link come in pairs, and punctuation at its end is the sentence's.
_PATH = r"(?: (?> \( [^\s()<>]* \) | [^\s<>`|*)] ) )* (?<! [.,;:!?'\"”’…\]}] )"
_DOMAINS = "com|org|net|edu|gov|io|gg|dev|app|ai|co|me|tv|info|eu|de|fr|es|it|nl|pl|uk|ru|jp|cn|br|ch|at|be|se|us|ca"
LINKS = rf"""
      < [A-Za-z][A-Za-z\d+.-]*+ :// {_PATH} >
    | (?<![A-Za-z\d+.-]) [A-Za-z][A-Za-z\d+.-]*+ :// {_PATH}
    | (?<![\w@.-]) www\. {_PATH}
    | (?<![\w@.-]) [\w-]++ (?: \.[\w-]++ )*? \. \p{{L}}{{2,}}+ / {_PATH}
    | (?<![\w@.-]) (?-i: (?: [a-z0-9-]+ \. )+ (?: {_DOMAINS} ) ) (?! [\w.-]*\w )
    | (?<![\w.+-]) [\w.+-]++ @ [\w-]++ (?: \.[\w-]++ )+    # an e-mail address
"""
"""A verbose pattern of links, with or without a scheme or angle brackets, bare domains, and e-mail addresses."""

_MARKUP = regex.compile(
    rf"""
      ``` .+? ```                                          # code in a block
    | (?<!`) (?P<ticks> `{{1,2}} ) (?!`) .+? (?<!`) (?P=ticks) (?!`)  # code in a line
    | {FORMS}
    | : [\w+~-]*[\p{{L}}+][\w+~-]* : (?!\w)                # an emoji by its name
    | {LINKS}
    | (?<!\w) @ \w[\w.]*                                   # somebody's handle
    """,
    regex.VERBOSE | regex.DOTALL | regex.IGNORECASE,
)


@dataclass(frozen=True)
class Markup:
    """The spans of a text's markup, in order; none overlap."""

    spans: tuple[Span, ...]

    def touches(self, start: int, end: int) -> bool:
        """Return whether a span of the text overlaps its markup."""
        following = bisect_right(self.spans, (end - 1, float("inf")))
        return start < end and following > 0 and self.spans[following - 1].end > start


def markup(text: str) -> Markup:
    """Find the markup of a text."""
    return Markup(tuple(Span(*match.span()) for match in _MARKUP.finditer(text)))
