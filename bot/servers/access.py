"""The rule by which servers say who may use what, and where: the most specific wins, and a prohibition wins.

Each rule is about a place or a person. A request is allowed if neither its place nor its person is prohibited:

1. Of the rules about its place (and likewise of those about its person), the most specific ones decide. A rule for the
   feature is more specific than one for everything. Between rules for the same, a thread's is more specific than its
   channel's, that than its category's, that than one for all channels; and a member's than a role's, that than one for
   everybody.
2. If equally specific ones disagree, such as those of a member's two roles, the prohibition wins.
3. If the place and the person disagree, the prohibition wins.
4. What no rule is about is allowed.

`docs/SETTINGS.md` has this as a table. Discord's Integrations page works in the same order: a command's rules before
those of the whole application, and both the channel and the role must be allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.servers.topics.access import EVERYTHING, Dimension, Rule

Levels = tuple[frozenset[int], ...]
"""Ids from the least to the most specific ones; those of one level are equally specific."""


@dataclass(frozen=True)
class Asked:
    """Where somebody asks in a server, and who.

    Attributes:
        places: the server, then the category, the channel and the thread, as far as there are.
        persons: the server (for everybody), the member's roles, the member.
    """

    places: Levels
    persons: Levels


@dataclass(frozen=True)
class Verdict:
    """The rules that have decided about the place and the person; None where there is none."""

    place: Rule | None = None
    person: Rule | None = None

    @property
    def allowed(self) -> bool:
        """Whether neither is prohibited."""
        return all(rule is None or rule.allow for rule in (self.place, self.person))


def decide(rules: Iterable[Rule], feature: str, asked: Asked) -> Verdict:
    """Decide whether a feature may be used."""
    about = [rule for rule in rules if rule.feature in (feature, EVERYTHING)]
    return Verdict(
        _most_specific([rule for rule in about if rule.dimension is Dimension.PLACE], asked.places),
        _most_specific([rule for rule in about if rule.dimension is Dimension.PERSON], asked.persons),
    )


def _most_specific(rules: Sequence[Rule], levels: Levels) -> Rule | None:
    """Return the rule that decides: of the most specific ones a prohibition, if there is one."""
    applying = [
        (rule.feature != EVERYTHING, level, not rule.allow, rule)
        for level, ids in enumerate(levels)
        for rule in rules
        if rule.id in ids
    ]
    return max(applying, key=lambda one: one[:3])[3] if applying else None
