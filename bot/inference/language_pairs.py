"""Which languages a checkpoint translates into which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import langcodes


@dataclass(frozen=True)
class LanguagePairs:
    """Target languages by source language, as BCP 47 tags."""

    targets: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> LanguagePairs:
        """Exactly these pairs (source, target)."""
        targets: dict[str, set[str]] = {}
        for source, target in pairs:
            targets.setdefault(source, set()).add(target)
        return cls(MappingProxyType({source: frozenset(known) for source, known in targets.items()}))

    @classmethod
    def among(cls, codes: Iterable[str]) -> LanguagePairs:
        """Any of these languages into any other."""
        known = frozenset(codes)
        return cls(MappingProxyType({source: known - {source} for source in known}))

    def sources(self, target: str | None = None) -> frozenset[str]:
        """The languages that can be translated, into `target` if it is given."""
        return frozenset(source for source, known in self.targets.items() if target is None or target in known)

    def into(self, source: str | None = None) -> frozenset[str]:
        """The languages that can be translated into, from `source` if it is given."""
        if source is not None:
            return self.targets.get(source, frozenset())
        return frozenset().union(*self.targets.values())

    def find(self, source: str, target: str) -> tuple[str, str] | None:
        """The pair that two tags mean (`en-GB` serves as `en`, `zh` as `zh-Hans`), or None where there is none."""
        for known_source in _candidates(source, self.targets):
            for known_target in _candidates(target, self.targets[known_source]):
                return known_source, known_target
        return None


def _candidates(code: str, known: Iterable[str]) -> list[str]:
    """Known tags of the same language: the tag itself first, then those in the same script (`zh-Hant` for `zh-TW`)."""
    base = code.split("-")[0]
    same = [tag for tag in known if tag.split("-")[0] == base]
    return sorted(same, key=lambda tag: (tag != code, _script(tag) != _script(code), tag != base, tag))


@lru_cache(maxsize=1024)
def _script(code: str) -> str | None:
    """The script that a language is written in, the likeliest one where the tag does not say."""
    script: str | None = langcodes.Language.get(code).maximize().script
    return script
