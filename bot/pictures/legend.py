"""The legend of a picture: entries beside each other, on as many lines as their words need in a language."""

from __future__ import annotations

from collections.abc import Callable

from bot.pictures.canvas import MARGIN, SMALL, Box, Canvas
from bot.pictures.palette import MUTED, Colour

_LINE = 18.0
_SWATCH = 20.0
_BEFORE = 26.0
"""From the left edge of an entry's colour to its meaning."""

Sign = Callable[[float, float], None]
"""Draws what is explained, 20 points wide, at the left edge and the upper edge that it is given."""


class Legend:
    """Draws entries from the left margin on.

    Args:
        y: the upper edge of the first line.
        height: of the colours.
    """

    def __init__(self, canvas: Canvas, y: float, height: float = 12.0) -> None:
        self._canvas = canvas
        self._height = height
        self._x = MARGIN
        self.y = y
        """The upper edge of the last line."""

    def colour(
        self,
        meaning: str,
        fill: Colour,
        *,
        radius: float = 2.0,
        hatch: Colour | None = None,
        outline: Colour | None = None,
    ) -> None:
        """Explain a colour."""
        self._turn(meaning)
        box = Box(self._x, self.y, _SWATCH, self._height)
        self._x = self._canvas.swatch(box, meaning, fill, radius=radius, hatch=hatch, outline=outline)

    def sign(
        self, meaning: str, draw: Sign, *, before: float = _BEFORE, apart: float = 18.0, base: float = 10.0
    ) -> None:
        """Explain what a function draws.

        Args:
            before: from its left edge to its meaning.
            apart: to the next entry.
            base: of its letters, from the upper edge.
        """
        self._turn(meaning)
        draw(self._x, self.y)
        self._x += before + self._canvas.text(self._x + before, self.y + base, meaning, SMALL, fill=MUTED) + apart

    def words(self, said: str) -> None:
        """Say something more, without a sign."""
        self._turn(said)
        self._canvas.text(self._x, self.y + 11, said, SMALL, fill=MUTED)

    def _turn(self, meaning: str) -> None:
        """Begin a new line if an entry has no room on this one."""
        end = self._x + _BEFORE + self._canvas.text_width(meaning, SMALL)
        if self._x > MARGIN and end > self._canvas.width - MARGIN:
            self._x, self.y = MARGIN, self.y + _LINE
