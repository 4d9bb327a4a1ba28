"""Simple English sentences with their German translations, and which words each German word comes from.

Translating them takes more than a dictionary: an article is masculine, feminine or neuter as its noun is, it and the
adjective behind it are nominative or accusative, and the verb comes second, whatever is first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

# English and German, with the German noun's gender.
_NOUNS = (
    ("dog", "Hund", "m"),
    ("bird", "Vogel", "m"),
    ("wolf", "Wolf", "m"),
    ("tiger", "Tiger", "m"),
    ("cat", "Katze", "f"),
    ("cow", "Kuh", "f"),
    ("mouse", "Maus", "f"),
    ("duck", "Ente", "f"),
    ("horse", "Pferd", "n"),
    ("sheep", "Schaf", "n"),
    ("pig", "Schwein", "n"),
    ("calf", "Kalb", "n"),
)
_ADJECTIVES = (
    ("young", "jung"),
    ("small", "klein"),
    ("big", "groß"),
    ("black", "schwarz"),
    ("brown", "braun"),
    ("clever", "klug"),
    ("loud", "laut"),
    ("shy", "scheu"),
)
_VERBS = (
    ("sees", "sieht"),
    ("loves", "liebt"),
    ("hears", "hört"),
    ("finds", "findet"),
    ("knows", "kennt"),
    ("draws", "zeichnet"),
    ("visits", "besucht"),
    ("seeks", "sucht"),
)
_ADVERBS = (("today", "heute"), ("often", "oft"), ("here", "hier"), ("now", "jetzt"), ("again", "wieder"))
# By case and gender.
_THE = {"nominative": {"m": "der", "f": "die", "n": "das"}, "accusative": {"m": "den", "f": "die", "n": "das"}}
_A = {"nominative": {"m": "ein", "f": "eine", "n": "ein"}, "accusative": {"m": "einen", "f": "eine", "n": "ein"}}
_AFTER_THE = {"nominative": {"m": "e", "f": "e", "n": "e"}, "accusative": {"m": "en", "f": "e", "n": "e"}}
_AFTER_A = {"nominative": {"m": "er", "f": "e", "n": "es"}, "accusative": {"m": "en", "f": "e", "n": "es"}}

English: TypeAlias = list[tuple[str, str]]
"""A role in the sentence, such as "subject noun", and the word that has it."""
German: TypeAlias = list[tuple[frozenset[str], str]]
"""The roles that decide a word, and the word."""


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation."""

    english: str
    german: str
    origins: tuple[frozenset[int], ...]
    """Of each German word: the indices of the English words that it comes from. An article comes from two: the English
    article, and the noun, which decides its gender."""


@dataclass(frozen=True)
class _Phrase:
    """An article, perhaps an adjective, and a noun."""

    part: str
    """Of the sentence."""
    is_definite: bool
    adjective: tuple[str, str] | None
    noun: tuple[str, str, str]

    def english(self) -> English:
        words = [("article", "the" if self.is_definite else "a")]
        words += [("adjective", self.adjective[0])] if self.adjective else []
        return [(f"{self.part} {role}", word) for role, word in (*words, ("noun", self.noun[0]))]

    def german(self, case: str) -> German:
        gender = self.noun[2]
        articles, endings = (_THE, _AFTER_THE) if self.is_definite else (_A, _AFTER_A)
        roles = {name: f"{self.part} {name}" for name in ("article", "adjective", "noun")}
        words = [(frozenset({roles["article"], roles["noun"]}), articles[case][gender])]
        if self.adjective:
            words.append((frozenset({roles["adjective"]}), self.adjective[1] + endings[case][gender]))
        return [*words, (frozenset({roles["noun"]}), self.noun[1])]


def pairs(seed: int, least: int = 5, most: int = 8) -> Iterator[Pair]:
    """Yield different pairs without end, of so many English words."""
    draws, seen = random.Random(seed), set[str]()
    while True:
        pair = _drawn(draws)
        if pair.english not in seen and least <= len(pair.english.split()) <= most:
            seen.add(pair.english)
            yield pair


def _drawn(draws: random.Random) -> Pair:
    nouns = draws.sample(_NOUNS, 2)
    subject, thing = _phrase(draws, "subject", nouns[0]), _phrase(draws, "object", nouns[1])
    verb, adverb = draws.choice(_VERBS), draws.choice((None, *_ADVERBS))
    english: English = [*subject.english(), ("verb", verb[0]), *thing.english()]
    german: German = [*subject.german("nominative"), (frozenset({"verb"}), verb[1]), *thing.german("accusative")]
    if adverb is not None:
        after_verb = next(index for index, (_, word) in enumerate(german) if word == verb[1]) + 1
        said = (frozenset({"adverb"}), adverb[1])
        if draws.random() < 0.5:
            english = [("adverb", adverb[0]), *english]
            # The verb stays second, so the subject goes behind it.
            german = [said, german[after_verb - 1], *german[: after_verb - 1], *german[after_verb:]]
        else:
            english.append(("adverb", adverb[0]))
            german.insert(after_verb, said)
    places = {role: index for index, (role, _) in enumerate(english)}
    origins = tuple(frozenset(places[role] for role in roles) for roles, _ in german)
    return Pair(_sentence(word for _, word in english), _sentence(word for _, word in german), origins)


def _phrase(draws: random.Random, part: str, noun: tuple[str, str, str]) -> _Phrase:
    return _Phrase(part, draws.random() < 0.5, draws.choice((None, None, *_ADJECTIVES)), noun)


def _sentence(words: Iterable[str]) -> str:
    said = " ".join(words)
    return f"{said[0].upper()}{said[1:]}."
