"""Which texts and options are accepted."""

from __future__ import annotations

import regex

from bot.errors import InvalidRequest
from bot.text.characters import visible

MAX_CHARACTERS = 4_000
MAX_SEED = 2**31 - 1

# A text of joiners and fillers is not empty: it has no words.
_NOTHING = regex.compile(r"(?V1)[\s[\p{Cc}\p{Cf}\p{Cs}--[\u200c\u200d\u180e]]]*")


def clean_text(text: str, what: str = "text", limit: int = MAX_CHARACTERS) -> str:
    """Return a text as models read it (see `bot.text.characters.visible`).

    Args:
        text: what somebody wrote.
        what: its name in error messages, as in the command's options.
        limit: the most characters.

    Raises:
        InvalidRequest: it is empty, too long, or without visible letters and digits.
    """
    seen = visible(text)
    if not seen and _NOTHING.fullmatch(text):
        raise InvalidRequest(f"The {what} is empty. Please write something for the model to read.")
    if len(seen) > limit:
        raise InvalidRequest(
            f"The {what} has {len(seen):,} characters, and I can read {limit:,} at most. Please shorten it."
        )
    if not has_words(seen):
        raise InvalidRequest(f"There are no words in the {what}. Please add some for the model to read.")
    return seen


def has_words(text: str) -> bool:
    """Return whether a visible text has a letter or a digit."""
    return any(map(str.isalnum, text))


def checked_range(value: float, low: float, high: float, what: str, hint: str = "") -> None:
    """Raise `InvalidRequest` if an option is out of its bounds; `hint` is a further sentence that says what to do."""
    if not low <= value <= high:
        sentence = f"`{what}` must be from {low:g} to {high:,}, and not {value:,}."
        raise InvalidRequest(f"{sentence} {hint}".strip())


def quantity(number: int, noun: str) -> str:
    """Return a number with its noun: "no text", "one text", "13 texts"."""
    return f"no {noun}" if not number else f"one {noun}" if number == 1 else f"{number} {noun}s"
