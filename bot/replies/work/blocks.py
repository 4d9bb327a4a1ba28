"""How blocks look: in Markdown on a page, and as plain text in a file."""

from __future__ import annotations

from collections.abc import Sequence

from bot.locales.message import later
from bot.replies.formatting.bars import bar_line, plain_line
from bot.replies.formatting.text import Keep, escape, fit, quoted, units
from bot.replies.reply import Draft
from bot.replies.work.numbers import cell, written
from bot.replies.work.text_table import TextTable, code_block
from bot.tasks.work.blocks import (
    Bar,
    Block,
    File,
    Formula,
    Page,
    Paragraph,
    Postponed,
    PostponedFlip,
    PostponedWriting,
    Quote,
    Table,
    WrittenShares,
)
from bot.tasks.work.written_shares import in_words, overview

DECISION_LABEL = 200
COMPUTING = later(
    "Computing: the model reads the text dozens of times, which takes a few seconds, and up to half a minute for a "
    "long text. If no scores appear, turn to another page and come back."
)
NOT_IN_FILE = later("Not in this file: this is computed when its page is opened.")


def markdown(block: Block, draft: Draft, room: int) -> str:
    """Return as much of a block as there is room for, in units; the draft notes if something was cut."""
    match block:
        case Paragraph(text):
            return draft.fit(written(text), room)
        case Quote(text, to_end):
            return draft.fit(text, room, quoted, Keep.END if to_end else Keep.START)
        case Formula(lines):
            return code_block([written(line) for line in lines])
        case Table():
            return _named(block, draft, room)
        case WrittenShares():
            return _named(overview(block), draft, room)
        case File(sentence):
            return draft.fit(written(sentence), room)
        case Bar(label, probability):
            shown = fit(written(label), DECISION_LABEL, escape)[0]
            return bar_line(probability, f"**{shown}**" if shown.strip() else shown)
        case Postponed() | PostponedWriting() | PostponedFlip():
            return f"*{COMPUTING}*"


def _named(table: Table, draft: Draft, room: int) -> str:
    """Return as much of a table as there is room for, below its name if it has one."""
    if not table.name:
        return text_table(table).markdown(draft, room)
    name = draft.fit(written(table.name), room // 3)
    return f"{name}\n{text_table(table).markdown(draft, room - units(name) - 1)}"


def plain(block: Block) -> str:
    """Return all of a block, for a file."""
    match block:
        case Paragraph(text):
            return written(text)
        case Quote(text):
            return text
        case Formula(lines):
            return "\n".join(map(written, lines))
        case Table():
            return "\n\n".join(filter(None, (written(block.name), text_table(block).plain())))
        case WrittenShares():
            return "\n".join(map(written, in_words(block)))
        case File(sentence, table):
            return f"{written(sentence)}\n{text_table(table).plain()}"
        case Bar(label, probability):
            return plain_line(probability, written(label))
        case Postponed() | PostponedWriting() | PostponedFlip():
            return str(NOT_IN_FILE)


def plain_page(page: Page) -> str:
    """Return everything on a page, for a file."""
    about = written(page.about).replace("*", "").replace("`", "")
    return "\n\n".join([written(page.name), about, *map(plain, page.blocks)])


def text_table(table: Table) -> TextTable:
    """Return a table with its numbers written."""
    columns = [[cell(one, column.form) for one in column.cells] for column in table.columns]
    totals = tuple(cell(column.total, column.form) for column in table.columns)
    rows: Sequence[tuple[str, ...]] = list(zip(*columns, strict=True))
    titles = tuple(written(column.title) for column in table.columns)
    return TextTable(titles, tuple(rows), (totals,) if any(totals) else (), table.most, table.lines)
