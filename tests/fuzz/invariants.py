"""What must hold of whatever is made of an input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import regex

from bot.errors import GlassboxError
from tests.odd_texts import check_sentence

T = TypeVar("T")

_ESCAPED = regex.compile(r"\\[!-/:-@\[-`{-~]")
"""Discord shows what stands behind a backslash as it is, if it is a sign of ASCII."""
_LIVE = regex.compile(
    r"""
      [*_~|`<\[\\]                       # emphasis, spoilers, code, mentions, times, links
    | @(?:everyone|here|[!&]?\d)
    | ://                                # a link without brackets
    | ^[ \t]*(?:[>\#+-]|\d+[.)])(?:[ ]|$)  # quotes, headings, small print, lists
    """,
    regex.VERBOSE | regex.MULTILINE,
)
UNSEEN = regex.compile(r"[\p{Cs}\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def accepted(build: Callable[[], T], *, refusals: type[GlassboxError] | tuple[type[GlassboxError], ...]) -> T | None:
    """Return what is built; None if it is refused, by a sentence that Discord takes and in which nothing is live."""
    try:
        return build()
    except refusals as error:
        sentence = error.sentence
    assert sentence.strip(), "a refusal says nothing"
    assert sentence[-1] in ".?!`:", sentence
    check_sentence(sentence)
    return None


def assert_literal(markdown: str) -> None:
    """Assert that Discord shows Markdown as a text in which nothing is formatted, pings, links or hides."""
    assert not UNSEEN.search(markdown), ascii(markdown)
    left = _ESCAPED.sub("x", markdown)
    assert not _LIVE.search(left), ascii((_LIVE.search(left), markdown))


def assert_block(markdown: str, language: str = "") -> None:
    """Assert that Markdown is one code block, which nothing in it ends."""
    assert not UNSEEN.search(markdown), ascii(markdown)
    assert markdown.startswith(f"```{language}\n")
    assert markdown.endswith("\n```")
    assert markdown.count("```") == 2, ascii(markdown)
    inside = markdown[len(f"```{language}\n") : -len("\n```")]
    # Backticks at an end of the text would lengthen the fence.
    assert not inside.startswith("`") or inside[:3].count("`") < 3
    assert not inside.endswith("```")
