"""Code in Discord's code blocks."""

from __future__ import annotations

import regex

from bot.replies.formatting.text import Style, visible

_FENCE = regex.compile("`(?=``)")


def code_block(language: str) -> Style:
    """How code is written in a block, highlighted as a language.

    Args:
        language: as highlight.js knows it.
    """

    def style(code: str) -> str:
        # Nothing can be escaped in a block: what would close it is broken up by a space that cannot be seen.
        inner = _FENCE.sub("`\u200b", visible(code))
        return f"```{language}\n{inner}\n```"

    return style


def holds_fence(code: str) -> bool:
    """Whether code cannot be shown in a block exactly as it is."""
    return "```" in visible(code)
