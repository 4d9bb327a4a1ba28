"""A paragraph of tokens on chips, shared by the pictures of tokens, labels, attribution and confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from bot.pictures.canvas import MARGIN, TEXT, Box, Canvas
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


@dataclass(frozen=True)
class Cell:
    """One piece of a paragraph; lengths are in points."""

    width: float
    gap: float = 0.0
    """To the cell before it, if that is on the same line."""
    ends_line: bool = False


class Placed(NamedTuple):
    """The left edge of a cell, in points, and its line, counted from 0."""

    x: float
    line: int


def flow(cells: Iterable[Cell], x: float, width: float, most_lines: int, leftwards: bool = False) -> list[Placed]:
    """Set cells in lines, from left to right or from right to left, and leave out those below the last line.

    Args:
        x: left edge of the paragraph.
        width: of the paragraph; a wider cell gets a line of its own and overflows it.
    """
    placed: list[Placed] = []
    pen, line, is_first = 0.0, 0, True
    for cell in cells:
        start = pen if is_first else pen + cell.gap
        if not is_first and start + cell.width > width:
            start, line = 0.0, line + 1
        if line == most_lines:
            break
        placed.append(Placed(x + (width - start - cell.width if leftwards else start), line))
        pen, is_first = start + cell.width, False
        if cell.ends_line:
            pen, line, is_first = 0.0, line + 1, True
    return placed


def height(placed: Sequence[Placed], line: float) -> float:
    """Return the height of a paragraph whose lines are `line` points high."""
    return (placed[-1].line + 1) * line if placed else 0.0
