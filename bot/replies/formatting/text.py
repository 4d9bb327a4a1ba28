"""Text that people or models wrote, as Discord shows it: literally, inert, and never too long.

Lengths are counted in UTF-16 code units. Discord's client counts those and its API counts characters, of which there
are never more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import regex

from bot.text.characters import FLAG, line_breaks

Style = Callable[[str], str]
"""How a plain text is written in Discord's Markdown."""

CUT = "…"
"""Stands where something was left out."""

_INVISIBLE = regex.compile(
    rf"(?P<flag>{FLAG})|[^\P{{Cc}}\n\t]|[\p{{Cs}}\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Control characters, lone surrogates; zero-width spaces and tags, which hide things, unless they make a flag; and
direction overrides, which turn round whatever follows them."""

_MARKDOWN = regex.compile(
    r"""
    (?P<always> [\\*_~|`<\[] )                        # emphasis, spoilers, code, mentions, timestamps, masked links
    | (?P<start> ^[ \t]* (?: [>#+-] | \d+ (?=[.)]) ) )  # quotes, headings, small print and lists
    | (?P<colon> : (?= [^\s:]* : | // ) )             # :emoji: and https://
    | (?P<at> @ (?= everyone | here | [!&]?\d ) )     # mentions
    """,
    regex.VERBOSE | regex.MULTILINE,
)
_ESCAPED = regex.compile("\\\\([^0-9A-Za-z\\s])|@\u200b")

_WORD_SEARCH = 24
"""How many characters may be given up to cut between two words."""


class Keep(Enum):
    """Which part of a text that is too long stays."""

    START = "start"
    END = "end"


def units(text: str) -> int:
    """A text's length as Discord counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """A text without what cannot be seen: control characters, direction overrides, lone surrogates.

    All line breaks become `\\n`.
    """
    return str(_INVISIBLE.sub(lambda found: found["flag"] or "", line_breaks(text)))


def escape(text: str) -> str:
    """Markdown that shows a text as it was written, with nothing in it that pings, links or formats."""
    return str(_MARKDOWN.sub(_escaped, visible(text)))


def unescape(markdown: str) -> str:
    """What Discord shows of an escaped text."""
    return str(_ESCAPED.sub(lambda match: match[1] or "@", markdown))


def quoted(text: str) -> str:
    """A text as a block quote."""
    return "> " + inside_quote(text)


def inside_quote(text: str) -> str:
    """A part of a block quote that begins in the middle of a line."""
    return escape(text).replace("\n", "\n> ")


def bold(text: str) -> str:
    """A text in bold; white space alone cannot be."""
    return f"**{escape(text)}**" if text.strip() else escape(text)


def code_span(text: str, limit: int) -> str:
    """The start of a text as inline code, without backticks: nothing can be escaped in it. Blank ones are "unknown"."""
    return f"`{fit(' '.join(text.replace('`', '').split()), limit, visible)[0].strip() or 'unknown'}`"


def listed(names: Sequence[str], limit: int) -> str:
    """As many names as fit, with commas between them, and how many more there are.

    Args:
        names: Markdown; the first is listed in any case.
        limit: the most units.
    """
    shown = list(names)
    while len(shown) > 1 and units(_listed(shown, len(names))) > limit:
        shown.pop()
    return _listed(shown, len(names))


def unfinished(text: str) -> str:
    """A text with `…` at its end, which is apart where a full stop would make four dots of it."""
    text = text.rstrip()
    if text.endswith((CUT, "...")):
        return text
    return f"{text} {CUT}" if text.endswith(".") else text + CUT


def fit(text: str, limit: int, style: Style = escape, keep: Keep = Keep.START) -> tuple[str, bool]:
    """As much of a text as fits, in a style, and whether that is all of it.

    It is cut between two characters as people see them (never inside an emoji or a letter with its accents), between
    words where possible, and `…` marks the place.

    Args:
        text: what somebody wrote.
        limit: the most units of the styled text; at least 8.
        style: what to do with the text after cutting, escaping included.
        keep: which part to keep.
    """
    text = visible(text)
    if units(text) <= limit and units(whole := style(text)) <= limit:
        return whole, True
    pieces: list[str] = regex.findall(r"\X", text[:limit] if keep is Keep.START else text)
    fewest, most = 0, len(pieces)
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if units(style(_cut(pieces, middle, keep))) <= limit:
            fewest = middle
        else:
            most = middle - 1
    return style(_cut(pieces, _between_words(pieces, fewest, keep), keep)), False


def _escaped(match: regex.Match[str]) -> str:
    found = match[0]
    if match["start"] is not None:
        return f"{found}\\" if found[-1].isdigit() else f"{found[:-1]}\\{found[-1]}"
    if match["colon"] is not None:
        # An escaped slash breaks a link, and an escaped colon an emoji.
        return "\\:"
    if match["at"] is not None:
        return "@\u200b"
    return f"\\{found}"


def _listed(shown: Sequence[str], number: int) -> str:
    return ", ".join(shown) + (f" and {number - len(shown)} more" if len(shown) < number else "")


def _cut(pieces: list[str], number: int, keep: Keep) -> str:
    if keep is Keep.START:
        return unfinished("".join(pieces[:number]))
    return CUT + "".join(pieces[len(pieces) - number :]).lstrip()


def _between_words(pieces: list[str], number: int, keep: Keep) -> int:
    """A slightly smaller number of pieces after which a word ends, or the number itself where there is none near."""
    for fewer in range(number, max(number - _WORD_SEARCH, number // 2), -1):
        border = pieces[fewer : fewer + 1] if keep is Keep.START else pieces[-fewer - 1 : -fewer or None][:1]
        if border and border[0].isspace():
            return fewer
    return number
