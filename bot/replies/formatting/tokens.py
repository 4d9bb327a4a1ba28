"""How many tokens a model has written, in words that stand in footers."""

from __future__ import annotations

from bot.locales.message import plural


def tokens_in_words(number: int) -> str:
    """Return "1 token" or "32 tokens"."""
    return plural("{count} token", "{count} tokens", number)


def written_so_far(number: int) -> str:
    """Return the footer of a text that is still being written."""
    return plural("Writing: {count} token so far", "Writing: {count} tokens so far", number)


def written_of(number: int, most: int) -> str:
    """Return the footer of a text that is still being written, and has a limit."""
    # Translators: {count} is the limit.
    return plural(
        "Writing: {number} of at most {count} token", "Writing: {number} of at most {count} tokens", most, number=number
    )
