"""The quotas of people, counted for several processes."""

from __future__ import annotations

import pytest

from bot.inference.serving.quotas import OWNER_SECONDS, Quotas


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quotas(clock: Clock) -> Quotas:
    return Quotas(clock)


def test_a_person_has_one_quota_in_all_processes(quotas: Quotas) -> None:
    assert quotas.admit("one", "a", person=1, limit=2)
    assert quotas.admit("two", "b", person=1, limit=2)
    assert not quotas.admit("one", "c", person=1, limit=2)
    assert quotas.admit("one", "d", person=2, limit=2)


def test_what_is_released_counts_no_more_and_only_once(quotas: Quotas) -> None:
    quotas.admit("one", "a", person=1, limit=1)
    quotas.release("one", "a")
    quotas.release("one", "a")
    quotas.release("nobody", "a")
    assert quotas.count(1) == 0
    assert quotas.admit("two", "b", person=1, limit=1)


def test_a_refused_request_does_not_count(quotas: Quotas) -> None:
    quotas.admit("one", "a", person=1, limit=1)
    assert not quotas.admit("one", "b", person=1, limit=1)
    assert quotas.count(1) == 1


def test_an_owner_that_is_gone_expires_and_one_that_renews_does_not(quotas: Quotas, clock: Clock) -> None:
    quotas.admit("gone", "a", person=1, limit=9)
    quotas.admit("here", "b", person=1, limit=9)
    clock.now = OWNER_SECONDS
    quotas.renew("here", {"b": 1})
    assert quotas.count(1) == 2
    clock.now = OWNER_SECONDS + 1
    quotas.renew("here", {"b": 1})
    assert quotas.count(1) == 1


def test_quotas_that_start_anew_learn_from_the_owners(quotas: Quotas) -> None:
    quotas.renew("one", {"a": 1, "b": 1, "c": 2})
    quotas.renew("two", {"d": 1})
    assert (quotas.count(1), quotas.count(2)) == (3, 1)
    quotas.renew("one", {"c": 2})
    assert (quotas.count(1), quotas.count(2)) == (1, 1)


def test_a_request_that_its_owner_has_renewed_before_it_is_admitted_counts_once(quotas: Quotas) -> None:
    quotas.renew("one", {"a": 1})
    assert quotas.admit("one", "a", person=1, limit=1)
    assert quotas.count(1) == 1
