"""Tables that fit a terminal of any width without losing a column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from bot.text.characters import visible

T = TypeVar("T")

LEAST = 24
"""Characters to which line breaks may shrink the first column, before other columns go into another table."""
BESIDE = 3
"""Characters that a column takes beside its content: a line, and a space on both sides."""


def plain(text: str, style: str = "") -> Text:
    """Return a text for a terminal, as it is read: nothing in it is obeyed, hides, or is taken for rich's markup."""
    return Text(visible(text), style=style)


class FiguresTable(Generic[T]):
    """A table of figures; if the width isn't enough, several tables below each other.

    Args:
        things: one a line.
        columns: name → a thing's cell. The first column names the thing, and is repeated in each table.
    """

    def __init__(self, things: Iterable[T], columns: Mapping[str, Callable[[T], str]]) -> None:
        (self._name, name_of), *figures = columns.items()
        rows = list(things)
        self._names = [name_of(one) for one in rows]
        self._columns = {name: [cell(one) for one in rows] for name, cell in figures}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left = list(self._columns)
        while left:
            count = max(1, self._fitting(left, options.max_width))
            yield self._table(left[:count], options.max_width)
            left = left[count:]

    def _fitting(self, columns: Sequence[str], width: int) -> int:
        """Return how many of the columns a table of this width has room for."""
        widths = [min(LEAST, _width([self._name, *self._names]))]
        widths += [_width([name, *self._columns[name]]) for name in columns]
        ends = accumulate(one + BESIDE for one in widths)
        return sum(end + 1 <= width for end in ends) - 1  # with the last line

    def _table(self, columns: Sequence[str], width: int) -> Table:
        is_narrow = self._fitting(columns, width) < len(columns)
        table = Table()
        table.add_column(plain(self._name), overflow="fold")
        for name in columns:
            table.add_column(plain(name), justify="right", no_wrap=not is_narrow, overflow="fold")
        for name, *cells in zip(self._names, *(self._columns[column] for column in columns), strict=True):
            table.add_row(*map(plain, (name, *cells)))
        return table


def table_of_texts(columns: Iterable[str], rows: Iterable[Sequence[str]], title: str | None = None) -> Table:
    """Return a table of texts, which wrap if the width isn't enough."""
    table = Table(title=None if title is None else plain(title, "table.title"), title_justify="left")
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    return table


def _width(cells: Iterable[str]) -> int:
    return max((cell_len(line) for cell in cells for line in cell.splitlines()), default=0)
