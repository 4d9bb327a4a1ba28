"""Tables of text cells in a fixed-width font, narrow enough for a phone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from bot.locales.message import plural
from bot.locales.numbers import whole
from bot.replies.formatting.text import units, visible
from bot.replies.reply import Draft
from bot.tasks.work.blocks import MOST_ROWS
from bot.text.cells import cells, right
from bot.text.characters import CUT

TABLE_WIDTH = 36
"""In columns: a phone does not wrap a code block of this width."""
FEWEST_ROWS = 3
GAP = "  "
LEFT_TO_RIGHT = "\u200e"
"""An invisible mark. It keeps a line that ends in Arabic or Hebrew from being reversed."""

_CELL_UNITS = 3 * TABLE_WIDTH
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_TWO_BACKTICKS = regex.compile("`(?=`)")


@dataclass(frozen=True)
class TextTable:
    """Numbers in columns; the last column is a text, so that letters of any width keep the others straight."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    last: tuple[tuple[str, ...], ...] = ()
    """Rows that are always shown, at the end, such as a sum."""
    most: int = MOST_ROWS
    """Rows that are shown on a page."""
    lines: int = 1
    """The most lines of a row's text on a page."""

    def markdown(self, draft: Draft, room: int) -> str:
        """Return as many rows as there is room for.

        Args:
            draft: is told if something was cut.
            room: units.
        """
        # A line that says "1 more" would take as much room as that row.
        rows = self.rows if len(self.rows) == self.most + 1 else self.rows[: self.most]
        widths = self._widths(rows)
        text_room = max(6, TABLE_WIDTH - sum(widths) - len(GAP) * len(widths))
        head, *lines = ["\n".join(self._wrapped(row, widths, text_room)) for row in (self.titles, *rows)]
        end = [_line(row, widths, text_room) for row in self.last]
        texts = [wrapped(_one_line(row[-1]), text_room, self.lines) for row in rows]
        draft.cut |= any(cut_to(text, text_room) != text for found in texts for text in found)
        total, shown = len(self.rows), len(lines)
        while shown > FEWEST_ROWS and units(_whole(head, lines[:shown], end, total)) > room:
            shown -= 1
        draft.cut |= shown < total
        return _whole(head, lines[:shown], end, total)

    def plain(self) -> str:
        """Return all rows, for a file."""
        rows = [self.titles, *self.rows, *self.last]
        widths = self._widths(self.rows)
        return "\n".join(line for row in rows if (line := _line(row, widths, None)).strip())

    def _wrapped(self, row: Sequence[str], widths: Sequence[int], text_room: int) -> Iterator[str]:
        """Yield the lines of a row: numbers stand on the first."""
        *numbers, text = row
        for piece in wrapped(_one_line(text), text_room, self.lines):
            yield _line([*numbers, piece], widths, text_room)
            numbers = [""] * len(numbers)

    def _widths(self, rows: Sequence[tuple[str, ...]]) -> list[int]:
        """Return the widths of all columns but the last, if these rows are shown."""
        lines = [self.titles, *rows, *self.last]
        return [max(map(cells, column)) for column in list(zip(*lines, strict=True))[:-1]]


def _whole(head: str, lines: Sequence[str], end: Sequence[str], total: int) -> str:
    more = [f"{CUT} {_more(total - len(lines))}"] if len(lines) < total else []
    return code_block([*([head] if head.strip() else []), *lines, *more, *end])


def _more(number: int) -> str:
    # Translators: rows of a table that are not shown, in a line of at most 30 characters.
    return plural("{number} more", "{number} more", number, number=whole(number))


def _line(row: Sequence[str], widths: Sequence[int], text_room: int | None) -> str:
    *numbers, text = row
    aligned = GAP.join(right(number, width) for number, width in zip(numbers, widths, strict=True))
    text = _one_line(text)
    shown = text if text_room is None else cut_to(text, text_room)
    line = f"{aligned}{GAP}{shown}".rstrip()
    is_turned = not shown.isascii() and any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in shown)
    return LEFT_TO_RIGHT + line if is_turned else line


def code_block(lines: Sequence[str]) -> str:
    """Return lines in a fixed-width font. No backticks in them can end the block, because they are held apart."""
    # A space of no width.
    text = _TWO_BACKTICKS.sub("`\u200b", "\n".join(map(visible, lines)))
    return f"```\n{text}\n```"


def cut_to(text: str, width: int) -> str:
    """Return as much of a line as fits a number of columns; Chinese, Japanese, Korean letters and emoji take two."""
    if cells(text) <= width and units(text) <= _CELL_UNITS:
        return text
    taken, left = "", width - 1
    for piece in regex.findall(r"\X", text[:_CELL_UNITS]):
        left -= cells(piece)
        if left < 0 or units(taken + piece) >= _CELL_UNITS:
            break
        taken += piece
    return taken.rstrip() + CUT


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Return a line as several that fit a number of columns, divided at spaces or else between letters.

    Args:
        most: lines; the last one has the rest, which may be too long.
    """
    lines: list[str] = []
    while len(lines) < most - 1 and cells(text) > width:
        # The mark of the cut takes a column, of which a line has no need.
        taken = cut_to(f"{text} ", width + 1).removesuffix(CUT)
        end = taken.rfind(" ") if " " in taken.strip() and text[len(taken) : len(taken) + 1] != " " else len(taken)
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text]


def _one_line(text: str) -> str:
    return " ".join(visible(text).split("\n"))
