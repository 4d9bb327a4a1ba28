"""A paragraph of tokens on chips, shared by the pictures of tokens, labels, attribution and confidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.pictures.canvas import MARGIN, TEXT, Box, Canvas
from bot.pictures.flow import Cell, flow, height
from bot.pictures.wording import as_word, inline


class AnyToken(Protocol):
    """A token of any picture."""

    @property
    def text(self) -> str: ...

    @property
    def starts_word(self) -> bool: ...


TokenT = TypeVar("TokenT", bound=AnyToken)


@dataclass(frozen=True)
class Chip(Generic[TokenT]):
    """A token with its text as drawn, its box, and its line, counted from 0."""

    token: TokenT
    label: str
    box: Box
    line: int


@dataclass(frozen=True)
class Style:
    """How a paragraph is set; lengths are in points."""

    chip: float
    """Height of a chip."""
    line: float
    """Height of a line, with the numbers below its chips."""
    most_lines: int
    word_gap: float
    piece_gap: float = 1.0
    """Between two tokens of one word."""
    size: float = TEXT
    widest: float = 200.0
    """Width at which a token is cut."""
    inline: bool = False
    """Keep spaces as spaces, and begin a new line after a token that ends with a line break."""

    def set(
        self,
        canvas: Canvas,
        tokens: Sequence[TokenT],
        y: float,
        width: Callable[[TokenT, str], float],
        *,
        leftwards: bool,
    ) -> tuple[list[Chip[TokenT]], float]:
        """Lay out as many tokens as fit, below y.

        Args:
            width: of a chip, given its token and the text on it.
            leftwards: whether the text is written from right to left.

        Returns:
            the chips, and the y below them.
        """
        room = canvas.width - 2 * MARGIN
        texts = [inline(one.text) if self.inline else as_word(one.text, one.starts_word) for one in tokens]
        labels = canvas.pieces(texts, [not one.starts_word for one in tokens], self.size, min(self.widest, room))
        cells = [
            Cell(
                width(token, label),
                self.word_gap if token.starts_word else self.piece_gap,
                self.inline and token.text.endswith("\n"),
            )
            for token, label in zip(tokens, labels, strict=True)
        ]
        placed = flow(cells, MARGIN, room, self.most_lines, leftwards)
        chips = [
            Chip(token, label, Box(at.x, y + at.line * self.line, cell.width, self.chip), at.line)
            for token, label, cell, at in zip(tokens, labels, cells, placed, strict=False)
        ]
        return chips, y + height(placed, self.line)
