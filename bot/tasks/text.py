"""What is accepted as a text."""

from __future__ import annotations

import re
import unicodedata

from bot.errors import InvalidRequest

MAX_CHARACTERS = 4_000

_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]")
"""Soft hyphens, zero-width spaces, direction overrides, tags: they change how a text looks, and no model knows them.
The joiners U+200C and U+200D stay: Persian and emoji need them."""


_LINE_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def clean_text(text: str, what: str = "text", limit: int = MAX_CHARACTERS) -> str:
    """A text that a model can read, as `visible_text` has it.

    Args:
        text: what somebody wrote.
        what: its name in the sentence, as the command's option is called.
        limit: the most characters.

    Raises:
        InvalidRequest: it is empty, too long, or holds no letter or digit.
    """
    visible = visible_text(text)
    if not visible:
        raise InvalidRequest(f"The {what} is empty. Please write something for the model to read.")
    if len(visible) > limit:
        raise InvalidRequest(
            f"The {what} has {len(visible):,} characters, and I can read {limit:,} at most. Please shorten it."
        )
    if not any(character.isalnum() for character in visible):
        raise InvalidRequest(f"There are no words in the {what}. Please add some for the model to read.")
    return visible


def visible_text(text: str) -> str:
    """A text without invisible characters and outer white space; every line break becomes `\\n`."""
    return "".join(
        character
        for character in _INVISIBLE.sub("", _LINE_BREAKS.sub("\n", text))
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    ).strip()


def checked_range(value: float, low: float, high: float, what: str, hint: str = "") -> None:
    """Check that an option is within its bounds.

    Raises:
        InvalidRequest: it is not; `hint` is a further sentence that says what to do.
    """
    if not low <= value <= high:
        sentence = f"`{what}` must be from {low:g} to {high:,}, and not {value:,}."
        raise InvalidRequest(f"{sentence} {hint}".strip())
