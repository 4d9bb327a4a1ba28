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
        """The pair that two tags mean, or None where there is none.

        `en-GB` serves as `en`, `zh` as `zh-Hans`, `nb` as `no`, and the reverse (see `serving`).
        """
        for known_source in serving(source, self.targets):
            for known_target in serving(target, self.targets[known_source]):
                return known_source, known_target
        return None


_SERVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "no": ("nb", "nn"),
        "nb": ("no",),
        "nn": ("no",),
        "sh": ("hr", "bs", "sr"),
        "hr": ("sh",),
        "bs": ("sh",),
        "sr": ("sh",),
        "sr-Latn": ("sh", "hr", "bs"),  # what `sh` means today
        "fil": ("tl",),
        "tl": ("fil",),
    }
)
"""Other languages' tags that a language is known by: of its macrolanguage, or of the members of one, the likeliest
first. Members do not serve as each other."""


def serving(code: str, known: Iterable[str]) -> list[str]:
    """Known tags that a language is known by, the best one first.

    These are the tag itself, then those of the same language in the same script (`zh-Hant` for `zh-TW`), then those of
    its macrolanguage or of its members (`nb` for `no`).
    """
    base = code.split("-")[0]
    bases = (base, *_SERVES.get(code, _SERVES.get(base, ())))
    same = [tag for tag in known if tag.split("-")[0] in bases]

    def distance(tag: str) -> tuple[bool, int, bool, bool, str]:
        own = tag.split("-")[0]
        return (tag != code, bases.index(own), _script(tag) != _script(code), tag != own, tag)

    return sorted(same, key=distance)


@lru_cache(maxsize=1024)
def _script(code: str) -> str | None:
    """The script that a language is written in, the likeliest one where the tag does not say."""
    script: str | None = langcodes.Language.get(code).maximize().script
    return script
