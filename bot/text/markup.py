"""Parts of a message that are no prose: what Discord turns into something else, links, and code."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]

from bot.text.discord_forms import FORMS

# Possessive, where nothing could be given back: no text takes long.
_MARKUP = regex.compile(
    rf"""
      ``` .+? ```                                          # code in a block
    | (?<!`) (?P<ticks> `{{1,2}} ) (?!`) .+? (?<!`) (?P=ticks) (?!`)  # code in a line
    | {FORMS}
    | : [\w+~-]*[\p{{L}}+][\w+~-]* : (?!\w)                  # an emoji by its name
    | (?<![a-z\d+.-]) [a-z][a-z\d+.-]*+ :// [^\s<>]++      # a link,
    | (?<![\w.-]) www\. [^\s<>]+                           # without its scheme,
    | (?<![\w.-]) [\w-]++ (?: \.[\w-]++ )* \. \p{{L}}{{2,}}+ / [^\s<>]*+  # or with a path only
    | (?<![\w.+-]) [\w.+-]++ @ [\w-]++ (?: \.[\w-]++ )+    # an e-mail address
    | (?<!\w) @ \w[\w.]*                                   # somebody's handle
    """,
    regex.VERBOSE | regex.DOTALL | regex.IGNORECASE,
)


@dataclass(frozen=True)
class Markup:
    """The markup of a text.

    Attributes:
        places: where it stands, (first character, the one after its last), in order; none overlaps another one.
    """

    places: tuple[tuple[int, int], ...]

    def touches(self, start: int, end: int) -> bool:
        """Whether a part of the text, from `start` to before `end`, has a character in common with it."""
        following = bisect_right(self.places, (end - 1, float("inf")))
        return start < end and following > 0 and self.places[following - 1][1] > start


def markup(text: str) -> Markup:
    """Find the markup of a text, links and e-mail addresses as people write them included."""
    return Markup(tuple(match.span() for match in _MARKUP.finditer(text)))
