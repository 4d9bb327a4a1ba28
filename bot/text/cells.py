"""Widths in cells of a monospaced font, as a terminal or a code block has them.

Source: Unicode Standard Annex 11 (`East_Asian_Width`): wide and full-width characters take two cells.
"""

from __future__ import annotations

import unicodedata

_FIRST_MARK = "\u0300"
"""No character before it is wide, or a mark."""
_WIDE = frozenset("WF")
_JOINING = frozenset("\u200c\u200d\ufe0e\ufe0f")


def cells(text: str) -> int:
    """Return the number of cells that a text takes."""
    if text.isascii() or max(text) < _FIRST_MARK:
        return len(text)
    return sum(2 if unicodedata.east_asian_width(one) in _WIDE else 1 for one in text if not _is_mark(one))


def left(text: str, width: int, fill: str = " ") -> str:
    """Return a text with so much behind it that it takes `width` cells; like `str.ljust`."""
    return text + fill * (width - cells(text))


def right(text: str, width: int, fill: str = " ") -> str:
    """Return a text with so much before it that it takes `width` cells; like `str.rjust`."""
    return fill * (width - cells(text)) + text


def _is_mark(one: str) -> bool:
    # Vowel signs of Hindi and of other scripts stand above or below their letters, and most have no class to combine.
    return unicodedata.category(one) in ("Mn", "Me") or one in _JOINING
