"""The pairs of languages that a checkpoint translates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import langcodes

from bot.inference.languages.aliases import RELATED


@dataclass(frozen=True)
class LanguagePairs:
    """Target languages by source language, as BCP 47 tags."""

    targets: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> LanguagePairs:
        """Build from pairs (source, target)."""
        targets: dict[str, set[str]] = {}
        for source, target in pairs:
            targets.setdefault(source, set()).add(target)
        return cls(MappingProxyType({source: frozenset(known) for source, known in targets.items()}))

    @classmethod
    def among(cls, codes: Iterable[str]) -> LanguagePairs:
        """Build all pairs of these languages."""
        known = frozenset(codes)
        return cls(MappingProxyType({source: known - {source} for source in known}))

    def sources(self, target: str | None = None) -> frozenset[str]:
        """Return the source languages, those of `target` if it is given."""
        return frozenset(source for source, known in self.targets.items() if target is None or target in known)

    def into(self, source: str | None = None) -> frozenset[str]:
        """Return the target languages, those of `source` if it is given."""
        if source is None:
            return frozenset().union(*self.targets.values())
        return self.targets.get(source, frozenset())

    def find(self, source: str, target: str) -> tuple[str, str] | None:
        """Return the known pair that two tags mean, or None.

        `en-GB` serves as `en`, `zh` as `zh-Hans`, `nb` as `no`, and the reverse (see `serving`).
        """
        for known_source in serving(source, self.targets):
            for known_target in serving(target, self.targets[known_source]):
                return known_source, known_target
        return None


def serving(code: str, known: Iterable[str]) -> list[str]:
    """Return the known tags that can stand for a language, the best one first.

    The order is: the tag itself, the same language in the same script (`zh-Hant` for `zh-TW`) and in another one, the
    macrolanguage or its members (`nb` for `no`).
    """
    base = code.split("-")[0]
    bases = (base, *RELATED.get(code, RELATED.get(base, ())))
    same = [tag for tag in known if tag.split("-")[0] in bases]

    def order(tag: str) -> tuple[bool, int, bool, bool, str]:
        own = tag.split("-")[0]
        return (tag != code, bases.index(own), _script(tag) != _script(code), tag != own, tag)

    return sorted(same, key=order)


def without_region(code: str) -> str:
    """Return the tag of a language in its script, wherever it is spoken: `es` for `es-ES`, `zh-Hant` for `zh-TW`."""
    base = code.split("-")[0]
    return base if _script(code) == _script(base) else f"{base}-{_script(code)}"


@lru_cache(maxsize=1024)
def _script(code: str) -> str | None:
    """Return a language's script, the likeliest one if the tag does not say."""
    script: str | None = langcodes.Language.get(code).maximize().script
    return script
