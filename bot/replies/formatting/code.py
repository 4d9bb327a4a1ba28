"""Code in Discord's code blocks."""

from __future__ import annotations

import regex

from bot.replies.formatting.text import Style, visible

_FENCE = regex.compile("`(?=``)")


def code_block(language: str) -> Style:
    """Return the style of a code block that is highlighted as a language, in highlight.js's name for it."""

    def style(code: str) -> str:
        # Nothing can be escaped in a block: an invisible space breaks up what would close it.
        inner = _FENCE.sub("`\u200b", visible(code))
        return f"```{language}\n{inner}\n```"

    return style


def holds_fence(code: str) -> bool:
    """Return whether a block cannot show the code exactly as it is."""
    return "```" in visible(code)
