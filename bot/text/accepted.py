"""What is accepted as a text."""

from __future__ import annotations

import regex  # type: ignore[import-untyped]

from bot.errors import InvalidRequest
from bot.text.characters import visible

MAX_CHARACTERS = 4_000

_NOTHING = regex.compile(r"(?V1)[\s[\p{Cc}\p{Cf}\p{Cs}--[\u200c\u200d\u180e]]]*")
"""What nobody writes on purpose: white space and controls. A text of joiners and fillers is there, but has no words."""


def clean_text(text: str, what: str = "text", limit: int = MAX_CHARACTERS) -> str:
    """A text that a model can read, as `visible_text` has it.

    Args:
        text: what somebody wrote.
        what: its name in the sentence, as the command's option is called.
        limit: the most characters.

    Raises:
        InvalidRequest: it is empty, too long, or holds no letter or digit that can be seen.
    """
    seen = visible_text(text)
    if not seen and _NOTHING.fullmatch(text):
        raise InvalidRequest(f"The {what} is empty. Please write something for the model to read.")
    if len(seen) > limit:
        raise InvalidRequest(
            f"The {what} has {len(seen):,} characters, and I can read {limit:,} at most. Please shorten it."
        )
    if not has_words(seen):
        raise InvalidRequest(f"There are no words in the {what}. Please add some for the model to read.")
    return seen


def visible_text(text: str) -> str:
    """A text in NFC of what can be seen (see `bot.text.characters.visible`): it is read, shown and remembered so."""
    return visible(text)


def has_words(text: str) -> bool:
    """Whether a visible text holds a letter or a digit."""
    return any(map(str.isalnum, text))


def checked_range(value: float, low: float, high: float, what: str, hint: str = "") -> None:
    """Check that an option is within its bounds.

    Raises:
        InvalidRequest: it is not; `hint` is a further sentence that says what to do.
    """
    if not low <= value <= high:
        sentence = f"`{what}` must be from {low:g} to {high:,}, and not {value:,}."
        raise InvalidRequest(f"{sentence} {hint}".strip())
