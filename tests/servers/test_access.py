"""The rule of access: as the table in the documentation says, and for any rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.servers.access import Asked, decide
from bot.servers.topics.access import EVERYTHING, Rule, Subject

DOCS = Path(__file__).parents[2] / "docs" / "SETTINGS.md"
SERVER = 1
PLACES = {"everywhere": SERVER, "in Course": 2, "in #general": 3, "in homework": 4, "in #other": 5}
ROLES = {"everybody": SERVER, "@Students": 6, "@Guests": 7, "@Others": 8}
MEMBERS = {"Alice": 9}
FEATURE = "chat"
ASKED = Asked(
    tuple(frozenset({one}) for one in (SERVER, 2, 3, 4)), (frozenset({SERVER}), frozenset({6, 7}), frozenset({9}))
)


def rule_of(text: str) -> Rule:
    """Read a rule: `everything: not in #general`."""
    found = re.fullmatch(r"(everything|/\w+): (not )?(.+)", text)
    assert found is not None, text
    feature = EVERYTHING if found[1] == "everything" else found[1].removeprefix("/")
    for subject, names in ((Subject.PLACE, PLACES), (Subject.ROLE, ROLES), (Subject.MEMBER, MEMBERS)):
        if found[3] in names:
            return Rule(feature=feature, subject=subject, id=names[found[3]], allow=not found[2])
    raise AssertionError(text)


def table() -> list[tuple[str, bool]]:
    rows = re.findall(r"^\|([^|]*)\| (may|may not) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return [(rules.strip(), may == "may") for rules, may in rows]


@pytest.mark.parametrize(("rules", "may"), table())
def test_the_table(rules: str, may: bool) -> None:
    assert decide([rule_of(one) for one in rules.split("; ") if one], FEATURE, ASKED).allowed is may


def test_the_table_is_found() -> None:
    assert len(table()) == 19


FEATURES = st.sampled_from([EVERYTHING, FEATURE, "fill"])
PLACE_RULES = st.builds(
    Rule, feature=FEATURES, subject=st.just(Subject.PLACE),
    id=st.integers(1, 5), allow=st.booleans(),
)  # fmt: skip
PERSON_RULES = st.builds(
    Rule, feature=FEATURES, subject=st.sampled_from([Subject.ROLE, Subject.MEMBER]),
    id=st.sampled_from([1, 6, 7, 8, 9, 10]), allow=st.booleans(),
)  # fmt: skip
RULES = st.lists(PLACE_RULES | PERSON_RULES, max_size=10)


def rank(rule: Rule) -> tuple[bool, int]:
    """Say how specific a rule is that applies."""
    levels = ASKED.places if rule.subject is Subject.PLACE else ASKED.persons
    return rule.feature == FEATURE, next(level for level, ids in enumerate(levels) if rule.id in ids)


def applies(rule: Rule) -> bool:
    levels = ASKED.places if rule.subject is Subject.PLACE else ASKED.persons
    return rule.feature in (FEATURE, EVERYTHING) and any(rule.id in ids for ids in levels)


@given(RULES)
def test_prohibited_if_and_only_if_no_permission_is_more_specific_than_some_prohibition(rules: list[Rule]) -> None:
    about = [rule for rule in rules if applies(rule)]

    def is_overruled(prohibition: Rule) -> bool:
        place = prohibition.subject is Subject.PLACE
        return any(
            rule.allow and (rule.subject is Subject.PLACE) is place and rank(rule) > rank(prohibition) for rule in about
        )

    # A prohibition that something more specific permits can itself only be outdone by a more specific prohibition,
    # which is one of the others.
    assert decide(rules, FEATURE, ASKED).allowed is all(is_overruled(rule) for rule in about if not rule.allow)


@given(RULES, st.randoms())
def test_neither_order_nor_repetition_matters(rules: list[Rule], random: object) -> None:
    shuffled = rules * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(shuffled, FEATURE, ASKED).allowed is decide(rules, FEATURE, ASKED).allowed


@given(RULES, PLACE_RULES | PERSON_RULES)
def test_another_prohibition_allows_nothing_and_another_permission_prohibits_nothing(
    rules: list[Rule], new: Rule
) -> None:
    before, after = (decide(some, FEATURE, ASKED).allowed for some in (rules, [*rules, new]))
    assert before == after or after is new.allow


@given(RULES, PLACE_RULES | PERSON_RULES)
def test_what_is_about_something_else_does_not_matter(rules: list[Rule], new: Rule) -> None:
    if not applies(new):
        assert decide([*rules, new], FEATURE, ASKED) == decide(rules, FEATURE, ASKED)


@given(RULES)
def test_the_verdict_names_rules_that_decide(rules: list[Rule]) -> None:
    verdict = decide(rules, FEATURE, ASKED)
    for named, is_place in ((verdict.place, True), (verdict.person, False)):
        theirs = [rule for rule in rules if applies(rule) and (rule.subject is Subject.PLACE) is is_place]
        assert (named is None) is (not theirs)
        if named is not None:
            assert rank(named) == max(map(rank, theirs))
