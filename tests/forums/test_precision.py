from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.forums.precision import Share, TagTally, Z, tally
from bot.forums.record import PostRecord, TagRecord, TagState

SHARES = st.integers(1, 5_000).flatmap(lambda n: st.builds(Share, st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    # Newcombe: Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_the_literature(hits: int, cases: int, low: float, high: float) -> None:
    assert Share(hits, cases).interval == pytest.approx((low, high), abs=5e-5)


@given(SHARES)
def test_at_its_ends_the_share_is_just_compatible_with_the_true_one(share: Share) -> None:
    observed = share.hits / share.cases
    low, high = share.interval
    assert 0 <= low <= observed + 1e-12
    assert observed - 1e-12 <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:  # beyond that, rounding is all that is left
            deviation = math.sqrt(end * (1 - end) / share.cases)
            assert abs(observed - end) == pytest.approx(Z * deviation, rel=1e-5, abs=1e-9)


def test_without_cases_nothing_is_known() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval == (0.0, 1.0)


def tallied(state: TagState, score: float | None = 0.9, fits: bool = True) -> TagTally | None:
    return tally([PostRecord(tags={1: TagRecord(state=state, score=score, fits=fits)})]).get(1)


def test_each_state_counts_for_what_it_says() -> None:
    assert tallied(TagState.APPLIED) == TagTally(Share(1, 1), Share(1, 1))
    assert tallied(TagState.REJECTED) == TagTally(Share(0, 1))
    assert tallied(TagState.PROPOSED) == TagTally(open=1)
    assert tallied(TagState.CHOSEN) == TagTally(recall=Share(1, 1))
    assert tallied(TagState.CHOSEN, fits=False) == TagTally(recall=Share(0, 1))
    assert tallied(TagState.CHOSEN, score=None) == TagTally()
    assert tallied(TagState.WITHHELD) == tallied(TagState.DROPPED) == TagTally()


def test_posts_add_up() -> None:
    states = (TagState.APPLIED, TagState.APPLIED, TagState.REJECTED, TagState.PROPOSED)
    records = [PostRecord(tags={7: TagRecord(state=state, score=0.9, fits=True)}) for state in states]
    assert tally(records) == {7: TagTally(Share(2, 3), Share(2, 2), 1)}
