"""What single words say about names, as `words.toml` has it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

from bot.text.function_words import FUNCTION_WORDS

Words = frozenset[str]


@dataclass(frozen=True)
class NameWords:
    """Tables of words in lower case. The file says of each what is in it.

    Attributes:
        openers: hello, suddenly: they have a capital letter because they begin something.
        calendar: days and months.
        before_dates: what a month follows.
        given_names: will, rose: words that are given names as well.
        titles: dr, captain.
        abbreviations: inc, jr: they keep their full stop.
        particles: van, of: in lower case between two parts of a name.
        leading_particles: those of them that a name may begin with.
        beginnings: new, saint: words that names of places begin with.
        institutions: college: what goes on after a possessive.
        verbs: was, said: what follows a person's name, beside words in -s and -ed.
        short: common words of three letters.
        common: common words of four letters and more.
    """

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
        """Whether a word is no part of a name, wherever it stands."""
        return word in FUNCTION_WORDS

    def is_opener(self, word: str) -> bool:
        """Whether a word has a capital letter although it is no name."""
        return word in FUNCTION_WORDS or word in self.openers or word in self.calendar

    def is_common(self, word: str) -> bool:
        """Whether a word has a capital letter only at the beginning of a sentence."""
        return self.is_opener(word) or word in self.short or word in self.common

    def is_everyday(self, word: str) -> bool:
        """Whether a word stands in sentences, and seldom in titles alone."""
        return self.is_function(word) or word in self.short or (word in self.common and self.is_verb(word))

    def is_verb(self, word: str) -> bool:
        """Whether a word may be what somebody does or did."""
        return word in self.verbs or (len(word) > 3 and word.endswith(("s", "ed")) and not self.is_function(word))


@cache
def name_words() -> NameWords:
    """Read the tables."""
    tables = tomllib.loads(resources.files("bot.tasks.names").joinpath("words.toml").read_text(encoding="utf-8"))
    return NameWords(**{field.name: frozenset(tables[field.name].split()) for field in fields(NameWords)})
