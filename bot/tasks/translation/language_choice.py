"""Which pair of languages a checkpoint translates a text between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs, serving
from bot.tasks.translation.language_detection import Detection, detect, unreadable


@dataclass(frozen=True)
class LanguageChoice:
    """A text's languages, by the codes that a checkpoint knows."""

    source: str
    target: str
    detection: Detection | None = None
    """How the source was detected, its language first; None if the user gave it."""

    @property
    def pair(self) -> tuple[str, str]:
        """(source, target)."""
        return self.source, self.target


def choose_languages(text: str, source: str | None, target: str, known: LanguagePairs) -> LanguageChoice:
    """Choose from the pairs that a checkpoint knows; without a source, detect it.

    Raises:
        InvalidRequest: the checkpoint doesn't know the pair, or the text is in the target language already.
    """
    if source is not None:
        return LanguageChoice(*known_pair(source, target, known))
    found = detect(text, known.sources())
    elsewhere = unreadable(text, known.sources())
    if elsewhere is not None:
        raise InvalidRequest(
            f"Your text seems to be in {language(elsewhere).name}, which this model does not read. It reads: "
            f"{_listed(known.sources())}. If your text is in one of these, say so with `from`."
        )
    # An unsure guess is better among the languages that the checkpoint translates into the target.
    if not found.sure and found.told:
        found = found.among(known.sources(target)) or found
    if known.find(found.code, target) is None and serving(target, [found.code]):
        raise InvalidRequest(
            f"Your text seems to be in {language(target).name} already. "
            "If it is not, say with `from` which language it is in."
        )
    return LanguageChoice(*known_pair(found.code, target, known), found)


def known_pair(source: str, target: str, known: LanguagePairs) -> tuple[str, str]:
    """Return a pair of languages by the codes of a checkpoint; raises `InvalidRequest` if it doesn't know the pair."""
    if (pair := known.find(source, target)) is not None:
        return pair
    name = language(source).name
    if able := serving(source, known.sources()):
        targets = frozenset[str]().union(*(known.into(code) for code in able))
        raise InvalidRequest(
            f"This model does not translate {name} into {language(target).name}. "
            f"From {name} it can do: {_listed(targets)}."
        )
    raise InvalidRequest(f"This model does not translate from {name}. It can read: {_listed(known.sources())}.")


def check_target(target: str, known: LanguagePairs) -> None:
    """Raise `InvalidRequest` if a checkpoint doesn't translate any language into this one."""
    if not any(known.find(source, target) for source in known.sources()):
        able = f"It can do: {_listed(known.into())}."
        raise InvalidRequest(f"This model does not translate into {language(target).name}. {able}")


def _listed(codes: Collection[str], most: int = 30) -> str:
    names = sorted(language(code).name for code in codes)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
