"""Text of people and models in Discord's Markdown: shown literally, inert, and never too long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

import regex

from bot.locales.lists import enumerated
from bot.locales.message import in_context, plural
from bot.locales.numbers import whole as in_digits
from bot.text.characters import CURSOR, CUT, FLAG, line_breaks

Style = Callable[[str], str]
"""Writes a plain text in Discord's Markdown."""

_INVISIBLE = regex.compile(
    rf"(?P<flag>{FLAG})|[^\P{{Cc}}\n\t]|[\p{{Cs}}\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Control characters and lone surrogates; zero-width spaces, and tags other than a flag's, which hide things; direction
overrides, which reverse the text after them."""

_MARKDOWN = regex.compile(
    r"""
    (?P<always> [\\*_~|`<\[] )                        # emphasis, spoilers, code, mentions, timestamps, masked links
    | (?P<start> ^[ \t]* (?: [>#+-] | \d+ (?=[.)]) ) )  # quotes, headings, small print and lists
    | (?P<colon> : (?= [^\s:]* : | // ) )             # :emoji: and https://
    | (?P<at> @ (?= everyone | here | [!&]?\d ) )     # mentions
    """,
    regex.VERBOSE | regex.MULTILINE,
)

_WORD_SEARCH = 24
"""The most characters that are given up to cut between two words."""


class Keep(Enum):
    """The part that is kept of a text that is too long."""

    START = "start"
    END = "end"


def units(text: str) -> int:
    """Return the length of a text in UTF-16 code units."""
    # Discord's client counts these; its API counts characters, which are never more.
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """Return a text without control characters, direction overrides and lone surrogates; line breaks become `\\n`."""
    # Files of explanations have thousands of cells, and nearly all are numbers and words like this.
    if text.isascii() and text.isprintable():
        return text
    return str(_INVISIBLE.sub(lambda found: found["flag"] or "", line_breaks(text)))


def escape(text: str) -> str:
    """Return Markdown that shows a text literally: nothing in it pings, links or formats."""
    return str(_MARKDOWN.sub(_escaped, visible(text)))


def quoted(text: str) -> str:
    """Return a text as a block quote."""
    return "> " + inside_quote(text)


def inside_quote(text: str) -> str:
    """Return a part of a block quote, without the sign at its start."""
    return escape(text).replace("\n", "\n> ")


def bold(text: str) -> str:
    """Return a text in bold, unless nothing of it is visible."""
    shown = escape(text)
    return f"**{shown}**" if shown.strip() else shown


def code_span(text: str, limit: int) -> str:
    """Return the start of a text as inline code, or "unknown" for a blank one."""
    # Backticks can't be escaped in inline code.
    shown = fit(" ".join(text.replace("`", "").split()), limit, visible)[0].strip()
    # Translators: a name, shown as code, that is not known, or in which nothing is visible.
    return f"`{shown or in_context('name', 'unknown')}`"


def listed(names: Sequence[str], limit: int) -> str:
    """Return as many names, in Markdown, as fit into `limit` units, but at least one, and the number of the others."""

    def fits(left_out: int) -> bool:
        return units(_listed(names[: len(names) - left_out], len(names))) <= limit

    # Without any left out, the number of the others is missing too; from there on, each name less is shorter.
    left_out = 0 if fits(0) else bisect_left(range(len(names)), True, lo=1, key=fits)
    return _listed(names[: max(1, len(names) - left_out)], len(names))


def unfinished(text: str) -> str:
    """Return a text with `…` at its end; a space keeps it apart from a full stop."""
    text = text.rstrip()
    if text.endswith((CUT, "...")):
        return text
    return f"{text} {CUT}" if text.endswith(".") else text + CUT


def fit(text: str, limit: int, style: Style = escape, keep: Keep = Keep.START) -> tuple[str, bool]:
    """Return as much of a text as fits, in a style, and whether that is all of it.

    The text is cut between graphemes, and between words if one ends nearby; `…` marks the cut.

    Args:
        limit: the most units of the styled text; at least 8.
        style: applied after cutting; it escapes the text.
    """
    return _fit(visible(text), limit, style, keep)


def fit_markdown(markdown: str, limit: int) -> str:
    """Return as much of finished Markdown as fits. Nothing invisible is removed: it may keep a mention from pinging."""
    return _fit(markdown, limit, str, Keep.START)[0]


def _fit(text: str, limit: int, style: Style, keep: Keep) -> tuple[str, bool]:
    if units(text) <= limit and units(whole := style(text)) <= limit:
        return whole, True
    pieces: list[str] = regex.findall(r"\X", text[:limit] if keep is Keep.START else text)

    def fits(left_out: int) -> bool:
        return units(style(_cut(pieces, len(pieces) - left_out, keep))) <= limit

    number = len(pieces) - bisect_left(range(len(pieces)), True, key=fits)
    return style(_cut(pieces, _between_words(pieces, number, keep), keep)), False


def unfinished_end(text: str, limit: int, style: Style = escape) -> str:
    """Return an unfinished text with a cursor. If it is too long, its end is kept, because that is what changes."""
    return fit(text, limit - len(CURSOR), style, Keep.END)[0] + CURSOR


def in_pieces(pieces: Iterable[tuple[str, Style]]) -> Style:
    """Return the style of a quoted text whose pieces have styles of their own. The text may be cut."""
    # Invisible characters are removed before cutting, so they must not count in the lengths of the pieces.
    known = [(visible(piece), style) for piece, style in pieces]

    def styled(text: str) -> str:
        parts = []
        for piece, style in known:
            parts.append(style(text[: len(piece)]))
            text = text[len(piece) :]
        return "".join([*parts, inside_quote(text)])

    return styled


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
    names, others = enumerated(shown), number - len(shown)
    if not others:
        return names
    # Translators: {names} is a list such as "a, b, c", and {others} the number of names that are left out.
    return plural(
        "{names} and {others} more", "{names} and {others} more", others, names=names, others=in_digits(others)
    )


def _cut(pieces: list[str], number: int, keep: Keep) -> str:
    if keep is Keep.START:
        return unfinished("".join(pieces[:number]))
    return CUT + "".join(pieces[len(pieces) - number :]).lstrip()


def _between_words(pieces: list[str], number: int, keep: Keep) -> int:
    """Return a slightly smaller number of pieces that ends with a word, or the number itself if no word ends nearby."""
    for fewer in range(number, max(number - _WORD_SEARCH, number // 2), -1):
        border = pieces[fewer : fewer + 1] if keep is Keep.START else pieces[-fewer - 1 : -fewer or None][:1]
        if border and border[0].isspace():
            return fewer
    return number
