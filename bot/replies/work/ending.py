"""Where a text ends, and what was cut off there."""

from __future__ import annotations

from collections.abc import Iterator

from bot.replies.work.blocks import Block, Paragraph, Quote
from bot.replies.work.page import Page
from bot.tasks.work.pieces import Ending

ENDING_ABOUT = (
    "A model writes until it takes a token that ends the text, or until it has written as much as it may. "
    "This command looks at the text after each token, too, and has rules for where it is complete."
)


def ending_page(piece: Ending) -> Page:
    """Why a text ends where it does."""
    return Page("Ending", ENDING_ABOUT, tuple(_blocks(piece)))


def _blocks(piece: Ending) -> Iterator[Block]:
    yield Paragraph(piece.why)
    if piece.rest:
        yield Paragraph(f"The answer takes {piece.kept:,} of the {piece.tokens:,} written tokens. This was cut off:")
        yield Quote(piece.rest.strip("\n"))
