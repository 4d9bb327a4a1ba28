"""Which texts and options are accepted."""

from __future__ import annotations

import regex

from bot.errors import InvalidRequest
from bot.locales.message import Message, later
from bot.locales.values import later_exact, later_whole
from bot.text import complaints
from bot.text.characters import visible

MAX_CHARACTERS = 4_000
MAX_SEED = 2**31 - 1

# A text of joiners and fillers is not empty: it has no words.
_NOTHING = regex.compile(r"(?V1)[\s[\p{Cc}\p{Cf}\p{Cs}--[\u200c\u200d\u180e]]]*")


def clean_text(text: str, what: str = "text", limit: int = MAX_CHARACTERS) -> str:
    """Return a text as models read it (see `bot.text.characters.visible`).

    Args:
        text: what somebody wrote.
        what: its name, a key of `bot.text.complaints`.
        limit: the most characters.

    Raises:
        InvalidRequest: it is empty, too long, or without visible letters and digits.
    """
    seen = visible(text)
    if not seen and _NOTHING.fullmatch(text):
        raise InvalidRequest(complaints.EMPTY[what])
    if len(seen) > limit:
        raise InvalidRequest(complaints.TOO_LONG[what].filled(number=later_whole(len(seen)), limit=later_whole(limit)))
    if not has_words(seen):
        raise InvalidRequest(complaints.NO_WORDS[what])
    return seen


def has_words(text: str) -> bool:
    """Return whether a visible text has a letter or a digit."""
    return any(map(str.isalnum, text))


def checked_range(value: float, low: float, high: float, what: str, hint: Message | None = None) -> None:
    """Raise `InvalidRequest` if an option is out of its bounds; `hint` is a further sentence that says what to do."""
    if not low <= value <= high:
        sentence = later(
            # Translators: {option} is the name of a command's option; the others are numbers.
            "`{option}` must be from {low} to {high}, and not {value}.",
            option=what,
            low=later_exact(low),
            high=later_exact(high),
            value=later_exact(value),
        )
        # Two whole sentences.
        raise InvalidRequest(sentence if hint is None else later("{sentence} {hint}", sentence=sentence, hint=hint))
