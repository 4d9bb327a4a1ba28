"""Which pair of languages a checkpoint translates a text between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs, serving
from bot.locales.message import Message, later, later_plural
from bot.locales.values import Later, later_enumerated, later_language
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
            later(
                # Translators: {languages} is a list, such as "Dutch, French and German".
                "Your text seems to be in {language}, which this model does not read. It reads: {languages}. If your "
                "text is in one of these, say so with `from`.",
                language=_name(elsewhere),
                languages=_listed(known.sources()),
            )
        )
    # An unsure guess is better among the languages that the checkpoint translates into the target.
    if not found.sure and found.told:
        found = found.among(known.sources(target)) or found
    if known.find(found.code, target) is None and serving(target, [found.code]):
        raise InvalidRequest(
            later(
                "Your text seems to be in {language} already. If it is not, say with `from` which language it is in.",
                language=_name(target),
            )
        )
    return LanguageChoice(*known_pair(found.code, target, known), found)


def known_pair(source: str, target: str, known: LanguagePairs) -> tuple[str, str]:
    """Return a pair of languages by the codes of a checkpoint; raises `InvalidRequest` if it doesn't know the pair."""
    if (pair := known.find(source, target)) is not None:
        return pair
    name = _name(source)
    if able := serving(source, known.sources()):
        targets = frozenset[str]().union(*(known.into(code) for code in able))
        raise InvalidRequest(
            later(
                "This model does not translate {source} into {target}. From {source} it can do: {languages}.",
                source=name,
                target=_name(target),
                languages=_listed(targets),
            )
        )
    raise InvalidRequest(
        later(
            "This model does not translate from {source}. It can read: {languages}.",
            source=name,
            languages=_listed(known.sources()),
        )
    )


def check_target(target: str, known: LanguagePairs) -> None:
    """Raise `InvalidRequest` if a checkpoint doesn't translate any language into this one."""
    if not any(known.find(source, target) for source in known.sources()):
        raise InvalidRequest(
            later(
                "This model does not translate into {target}. It can do: {languages}.",
                target=_name(target),
                languages=_listed(known.into()),
            )
        )


def _name(code: str) -> Later:
    return later_language(language(code).code)


def _listed(codes: Collection[str], most: int = 30) -> Later | Message:
    found = sorted(map(language, codes), key=lambda one: one.name)
    names = later_enumerated(later_language(one.code) for one in found[:most])
    if len(found) <= most:
        return names
    # Translators: the end of a long list of languages.
    return later_plural(
        "{languages} and {count} more", "{languages} and {count} more", len(found) - most, languages=names
    )
