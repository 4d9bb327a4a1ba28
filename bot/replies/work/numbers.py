"""Numbers and tokens as the tables show them."""

from __future__ import annotations

import math

from bot.inference.tokenization.tokens import Token
from bot.pictures.wording import MINUS, as_chip
from bot.replies.formatting.bars import NO_BREAK_SPACE
from bot.replies.formatting.bars import percent as percent_of

CONTINUES = "·"
"""Stands before a token that continues the word before it."""


def percent(probability: float) -> str:
    """`0.8312` → "83.1%"; never 100 for less than 1, nor 0 for more than 0."""
    return percent_of(probability).replace(NO_BREAK_SPACE, "")


def decimal(value: float, digits: int = 3) -> str:
    """`-1.5` → "−1.500"; large and tiny ones in powers of ten."""
    if not math.isfinite(value):
        return "unknown"
    rounded = round(value, digits) + 0.0  # never −0
    if abs(value) >= 1e5 or (value and not rounded):
        return f"{value:.1e}".replace("-", MINUS)
    return f"{rounded:.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """The same with a plus before what is above zero."""
    shown = decimal(value, digits)
    return f"+{shown}" if value > 0 else shown


def token_text(token: Token) -> str:
    """A token in a table: "love", "·ing" where it continues a word, "[CLS] (special)"."""
    if token.special:
        return f"{token.text} (special)"
    return as_chip(token.text) if token.starts_word else CONTINUES + as_chip(token.text)
