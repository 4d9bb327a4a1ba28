"""Detecting the language of a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from bot.inference.languages.pairs import serving
from bot.tasks.translation.protected import without_protected

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# A guess is sure with `SURE` of the probability of the languages that can be chosen, and `SURE_OF_ALL` of that of all
# languages: no such guess was wrong on the `dev` half of `tests/bench/languages.toml`.
SURE = 0.7
SURE_OF_ALL = 0.45
# If all languages together that a checkpoint does not read have this probability, the text is in one of them.
CERTAIN = 0.95
# If the likeliest of 140 languages has less than this, the text could be in any: `ok`, `Paris`, `123`.
SILENT = 0.05
# Less likely languages are not offered.
POSSIBLE = 0.02
MOST_ALTERNATIVES = 2

# Prior weights, chosen on `dev`: larger ones change nothing there.
_ENGLISH, _COMMON, _OTHER = 10.0, 5.0, 1.0
_COMMON_LANGUAGES = frozenset(
    ("de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "ja", "ko", "zh", "vi", "sv", "ro",
     "cs", "el", "hu", "da", "fi", "no", "he", "fa", "th")
)  # fmt: skip
# BCP 47 tags of the detector's labels that differ from them.
_TAGS = {"tl": "fil", "zxx": ""}


@dataclass(frozen=True)
class LanguageGuess:
    """A language, by its BCP 47 tag, and its probability."""

    code: str
    probability: float


@dataclass(frozen=True)
class Detection:
    """The possible languages of a text."""

    guesses: tuple[LanguageGuess, ...]
    """At least one, the likeliest first."""
    told: bool
    """The text has signs of its language."""
    sure: bool
    """The user need not be asked."""

    @property
    def code(self) -> str:
        """The likeliest language."""
        return self.guesses[0].code

    def among(self, codes: Collection[str]) -> Detection | None:
        """Return only the guesses among these languages; None if there are none."""
        left = tuple(guess for guess in self.guesses if guess.code in codes)
        return replace(self, guesses=left) if left else None

    def alternatives(self) -> tuple[LanguageGuess, ...]:
        """Return the next likely languages to offer; none if the first is sure, or all are equally possible."""
        if self.sure or not self.told:
            return ()
        return tuple(one for one in self.guesses[1:] if one.probability >= POSSIBLE)[:MOST_ALTERNATIVES]


def detect(text: str, among: Collection[str]) -> Detection:
    """Return the likeliest of some languages; protected text is ignored. Takes 0.4 ms a line after `prepare`.

    Args:
        text: what somebody wrote.
        among: tags of the possible languages, at least one. One that the detector does not know is only found if it is
            the only one.
    """
    ranked, told = _ranked(without_protected(text))
    likely = dict.fromkeys(among, 0.0)
    for code, tag in _served(frozenset(among)).items():
        likely[tag] += ranked[code]
    if not told or not any(likely.values()):
        told = len(likely) == 1
        likely = dict.fromkeys(among, 0.0) | {default_source(among): 1.0}
    total = sum(likely.values())
    best = max(likely.values())
    guesses = (LanguageGuess(tag, one / total) for tag, one in likely.items())
    return Detection(
        tuple(sorted(guesses, key=lambda one: (-one.probability, one.code))),
        told,
        sure=len(likely) == 1 or (told and best >= SURE_OF_ALL and best / total >= SURE),
    )


def unreadable(text: str, among: Collection[str]) -> str | None:
    """Return the language of a text that is certainly in none of these; None if it may be in one of them."""
    ranked, told = _ranked(without_protected(text))
    served = _served(frozenset(among))
    others = {code: probability for code, probability in ranked.items() if code and code not in served}
    if not told or sum(others.values()) < CERTAIN:
        return None
    return max(others, key=lambda code: others[code])


def prepare() -> None:
    """Unpack the detector if necessary: a second or two, and 105 MB of memory."""
    _identifier()


def default_source(among: Iterable[str]) -> str:
    """Return the language to assume for a text without signs of one: English, or the first by tag."""
    known = sorted(among)
    return (serving("en", known) or known)[0]


@lru_cache(maxsize=64)
def _served(among: frozenset[str]) -> Mapping[str, str]:
    """Return the tag that serves for each of the detector's languages, if one does; cached for each checkpoint."""
    codes = {_TAGS.get(label, label) for label in _identifier().labels}
    return {code: tags[0] for code in codes if (tags := serving(code, among))}


def _ranked(text: str) -> tuple[Mapping[str, float], bool]:
    """Return each language's probability by its tag, and whether the text has signs of its language."""
    scores: dict[str, float] = defaultdict(float)
    ranked = _identifier().rank(text)
    for label, probability in ranked:
        code = _TAGS.get(label, label)
        prior = _ENGLISH if code == "en" else _COMMON if code in _COMMON_LANGUAGES else _OTHER
        scores[code] += prior * float(probability)
    total = sum(scores.values())
    return {code: score / total for code, score in scores.items()}, ranked[0][1] >= SILENT


_UNPACKING = Lock()  # `cache` alone would let two threads unpack at the same time


def _identifier() -> LanguageIdentifier:
    with _UNPACKING:
        return _unpacked()


@cache
def _unpacked() -> LanguageIdentifier:
    # Chosen in a comparison (docs/experiments/language-detection.md). Its model is in its package: no download.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
