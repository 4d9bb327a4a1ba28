"""Detecting the language of a text.

py3langid was chosen in a comparison of detectors on chat lines (docs/experiments/language-detection.md). Its model is
part of its package, so nothing is downloaded.
"""

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

SURE = 0.7
"""A guess is sure with this probability among the languages that can be chosen, and `SURE_OF_ALL` among all languages:
no such guess was wrong on the `dev` half of `tests/bench/languages.toml`."""
SURE_OF_ALL = 0.45
CERTAIN = 0.95
"""If all languages together that a checkpoint does not read have this probability, the text is in one of them."""
SILENT = 0.05
"""If the likeliest of 140 languages has less than this, the text doesn't tell its language: `ok`, `Paris`, `123`."""
POSSIBLE = 0.02
"""Less likely languages are not offered."""
MOST_ALTERNATIVES = 2

_ENGLISH, _COMMON, _OTHER = 10.0, 5.0, 1.0
"""Prior weights. Chosen on `dev`: larger ones change nothing there."""
_COMMON_LANGUAGES = frozenset(
    ("de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "ja", "ko", "zh", "vi", "sv", "ro",
     "cs", "el", "hu", "da", "fi", "no", "he", "fa", "th")
)  # fmt: skip
_TAGS = {"tl": "fil", "zxx": ""}
"""BCP 47 tags of the detector's labels that differ from them."""


@dataclass(frozen=True)
class LanguageGuess:
    """A language, by its BCP 47 tag, and its probability."""

    code: str
    probability: float


@dataclass(frozen=True)
class Detection:
    """The possible languages of a text."""

    guesses: tuple[LanguageGuess, ...]
    """Those that can be chosen, the likeliest first; at least one."""
    told: bool
    """The text says something about its language."""
    sure: bool
    """Nobody needs to be asked."""

    @property
    def code(self) -> str:
        """The likeliest language."""
        return self.guesses[0].code

    def among(self, codes: Collection[str]) -> Detection | None:
        """Return the guesses that are among these languages; None if there are none."""
        left = tuple(guess for guess in self.guesses if guess.code in codes)
        return replace(self, guesses=left) if left else None

    def alternatives(self) -> tuple[LanguageGuess, ...]:
        """Return the next likely languages; none if the first is sure, or the text doesn't tell its language."""
        if self.sure or not self.told:
            return ()
        return tuple(one for one in self.guesses[1:] if one.probability >= POSSIBLE)[:MOST_ALTERNATIVES]


def detect(text: str, among: Collection[str]) -> Detection:
    """Return the likeliest of some languages.

    Links, mentions, code and the like are ignored. Takes 0.4 ms a line after `prepare`.

    Args:
        text: what somebody wrote.
        among: tags of the possible languages, at least one. A language that the detector does not know is only found
            if it is the only one.
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
    """Return the likeliest language of a text that is certainly in none of these; None if it may be in one of them."""
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
    """Return the language to assume for a text that does not tell its language: English, or the first by name."""
    known = sorted(among)
    return (serving("en", known) or known)[0]


@lru_cache(maxsize=64)
def _served(among: frozenset[str]) -> Mapping[str, str]:
    """Return which of some tags serve for each of the detector's languages; cached for each checkpoint."""
    codes = {_TAGS.get(label, label) for label in _identifier().labels}
    return {code: tags[0] for code in codes if (tags := serving(code, among))}


def _ranked(text: str) -> tuple[Mapping[str, float], bool]:
    """Return each language's probability by its tag, and whether the text says anything about its language."""
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
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
