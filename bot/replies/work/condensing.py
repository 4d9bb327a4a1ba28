"""How a text that is too long for one reading was summarised in parts."""

from __future__ import annotations

from collections.abc import Iterator

from bot.replies.work.blocks import Block, Paragraph, Table
from bot.replies.work.page import Page
from bot.tasks.work.pieces import SummaryRounds

PARTS_ABOUT = (
    "A long text is read in parts. Each part is summarised by itself, and what was written about them is put together "
    "and summarised again, until one reading is enough."
)


def rounds_page(piece: SummaryRounds) -> Page:
    """What was written about each part in each round."""
    return Page("Parts", PARTS_ABOUT, (Paragraph(piece.how), *_rounds(piece)))


def _rounds(piece: SummaryRounds) -> Iterator[Block]:
    for number, parts in enumerate(piece.rounds, 1):
        pieces = "part" if len(parts) == 1 else "parts"
        yield Paragraph(f"Round {number}: {len(parts):,} {pieces}, with the tokens that were read and written.")
        rows = tuple((str(place), f"{one.read:,}", f"{one.written:,}", one.text) for place, one in enumerate(parts, 1))
        yield Table(("part", "read", "wrote", "summary"), rows)
