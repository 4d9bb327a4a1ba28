"""Tables of words that are names, parts of names, or neither, from `words.toml`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from bot.text.tables import read_table
from bot.text.words import FUNCTION_WORDS

Words = frozenset[str]


@dataclass(frozen=True)
class NameWords:
    """Tables of words in lower case, explained in the file."""

    openers: Words
    calendar: Words
    before_dates: Words
    given_names: Words
    titles: Words
    abbreviations: Words
    particles: Words
    leading_particles: Words
    beginnings: Words
    institutions: Words
    verbs: Words
    short: Words
    common: Words

    def is_function(self, word: str) -> bool:
        """Return whether a word is never part of a name."""
        return word in FUNCTION_WORDS

    def is_opener(self, word: str) -> bool:
        """Return whether a word may be capitalised without being a name."""
        return word in FUNCTION_WORDS or word in self.openers or word in self.calendar

    def is_common(self, word: str) -> bool:
        """Return whether a word is capitalised only at the beginning of a sentence."""
        return self.is_opener(word) or word in self.short or word in self.common

    def is_everyday(self, word: str) -> bool:
        """Return whether a word marks a text as a sentence rather than a title."""
        return self.is_function(word) or word in self.short or (word in self.common and self.is_verb(word))

    def is_verb(self, word: str) -> bool:
        """Return whether a word may be a verb that says what somebody does or did."""
        return word in self.verbs or (len(word) > 3 and word.endswith(("s", "ed")) and not self.is_function(word))


@cache
def name_words() -> NameWords:
    """Read the tables."""
    tables = read_table("bot.tasks.names", "words.toml")
    return NameWords(**{field.name: frozenset(tables[field.name].split()) for field in fields(NameWords)})
