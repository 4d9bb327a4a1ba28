"""Which language a text is in, as far as its letters tell.

py3langid was chosen by trying several detectors on chat lines (docs/experiments/language-detection.md). Its model comes
with its package, so nothing is fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from threading import Lock
from typing import Any

from bot.inference.languages.pairs import serving
from bot.tasks.translation.protected import without_protected

SURE = 0.7
"""From this probability on among the languages that can be chosen, and from `SURE_OF_ALL` on among all languages, no
line of the `dev` half of `bot/evaluation/languages.toml` was taken for another language."""
SURE_OF_ALL = 0.45
CERTAIN = 0.95
"""The probability of all languages together that a checkpoint does not read from which on a text is said to be in the
likeliest of them."""
SILENT = 0.05
"""A text whose likeliest language has less than this, of 140, says nothing: `ok`, `Paris`, `123`."""
POSSIBLE = 0.02
"""Less likely languages are not asked about."""
MOST_ALTERNATIVES = 2

_ENGLISH, _COMMON, _OTHER = 10.0, 5.0, 1.0
"""How much likelier a language is before the text is read. Chosen on `dev`: what is larger changes nothing there."""
_COMMON_LANGUAGES = frozenset(
    ("de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "ja", "ko", "zh", "vi", "sv", "ro",
     "cs", "el", "hu", "da", "fi", "no", "he", "fa", "th")
)  # fmt: skip
_TAGS = {"tl": "fil", "zxx": ""}
"""Tags of the detector's labels, where they differ."""


@dataclass(frozen=True)
class Guess:
    """A language, and how likely it is.

    Attributes:
        code: BCP 47 tag.
        probability: 0 to 1.
    """

    code: str
    probability: float


@dataclass(frozen=True)
class Detection:
    """What language a text is in.

    Attributes:
        guesses: those that can be chosen, the likeliest first; at least one.
        told: whether there is anything in the text that tells.
        sure: whether nobody needs to be asked.
    """

    guesses: tuple[Guess, ...]
    told: bool
    sure: bool

    @property
    def code(self) -> str:
        """The likeliest one."""
        return self.guesses[0].code

    def among(self, codes: Collection[str]) -> Detection | None:
        """The same if it is one of these; None where it cannot be."""
        left = tuple(guess for guess in self.guesses if guess.code in codes)
        return replace(self, guesses=left) if left else None

    def alternatives(self) -> tuple[Guess, ...]:
        """Which languages it may be otherwise; none where that is sure, or nothing tells."""
        if self.sure or not self.told:
            return ()
        return tuple(one for one in self.guesses[1:] if one.probability >= POSSIBLE)[:MOST_ALTERNATIVES]


def detect(text: str, among: Collection[str]) -> Detection:
    """The likeliest of some languages.

    What has no language, such as links, mentions and code, is not read. Takes 0.4 ms a line after `prepare`.

    Args:
        text: what somebody wrote.
        among: tags of the languages that it can be in, at least one. One that the detector does not know is only found
            where it is the single one.
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
    guesses = (Guess(tag, one / total) for tag, one in likely.items())
    return Detection(
        tuple(sorted(guesses, key=lambda one: (-one.probability, one.code))),
        told,
        sure=len(likely) == 1 or (told and best >= SURE_OF_ALL and best / total >= SURE),
    )


def unreadable(text: str, among: Collection[str]) -> str | None:
    """The likeliest language of a text that is certainly in none of these; None where it may be in one of them."""
    ranked, told = _ranked(without_protected(text))
    served = _served(frozenset(among))
    others = {code: probability for code, probability in ranked.items() if code and code not in served}
    if not told or sum(others.values()) < CERTAIN:
        return None
    return max(others, key=lambda code: others[code])


def prepare() -> None:
    """Unpack the detector, unless that is done: a second or two, and 105 MB of memory."""
    _identifier()


def default_source(among: Iterable[str]) -> str:
    """What a text is read as that does not tell its language: English, or the first by name."""
    known = sorted(among)
    return (serving("en", known) or known)[0]


@lru_cache(maxsize=64)
def _served(among: frozenset[str]) -> Mapping[str, str]:
    """Which of some tags serve for the detector's languages, by their own tags; looked up once for a checkpoint."""
    codes = {_TAGS.get(label, label) for label in _identifier().labels}
    return {code: tags[0] for code in codes if (tags := serving(code, among))}


def _ranked(text: str) -> tuple[Mapping[str, float], bool]:
    """Each language's probability by its tag, and whether there is anything in the text that tells."""
    scores: dict[str, float] = defaultdict(float)
    ranked = _identifier().rank(text)
    for label, probability in ranked:
        code = _TAGS.get(label, label)
        prior = _ENGLISH if code == "en" else _COMMON if code in _COMMON_LANGUAGES else _OTHER
        scores[code] += prior * float(probability)
    total = sum(scores.values())
    return {code: score / total for code, score in scores.items()}, ranked[0][1] >= SILENT


def _identifier() -> Any:
    """The detector."""
    with _UNPACKING:
        return _unpacked()


_UNPACKING = Lock()
"""So that nobody unpacks what somebody else is unpacking."""


@cache
def _unpacked() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
