"""Code in Discord's code blocks."""

from __future__ import annotations

import regex

from bot.replies.formatting.text import Style, visible

_FENCE = regex.compile("`(?=``)")


def code_block(language: str) -> Style:
    """Return the style of a code block, highlighted as a language that highlight.js knows by this name."""

    def style(code: str) -> str:
        # Nothing can be escaped in a block. A zero-width space breaks the fences that would close it.
        inner = _FENCE.sub("`\u200b", visible(code))
        return f"```{language}\n{inner}\n```"

    return style


def holds_fence(code: str) -> bool:
    """Return whether code contains a fence, so that a block can't show it exactly."""
    return "```" in visible(code)
