"""The arithmetic of scheduling to the last number: limits that are kept or passed by one, shares, averages."""

from __future__ import annotations

from typing import Any

import pytest

from bot.inference.operations import Budget, Operation, Row
from bot.inference.scheduling.costs import LATELY, REMEMBERED, Costs, Recent
from bot.inference.scheduling.fair_queueing import FairClock
from bot.inference.scheduling.learned_budgets import MOST_PASSES, PASSES, LearnedBudgets, padded_tokens
from bot.inference.scheduling.turns import PEOPLES_TURNS, Alternation, Turn

BUDGET = Budget(padded_tokens=640, rows=64)


def operation() -> Operation[Any, Any]:
    return Operation("toy", lambda rows: [], BUDGET)


def rows(number: int) -> list[Row[Any]]:
    """Rows of ten tokens."""
    return [Row(0, 10) for _ in range(number)]


class TestFairClock:
    def test_work_moves_the_present_by_the_share_of_each_flow_that_waits(self) -> None:
        clock = FairClock()
        assert [clock.tag("a", 10.0), clock.tag("b", 20.0)] == [0.0, 0.0]
        clock.serve(0.0, work=6.0)
        assert [clock.start(flow) for flow in ("a", "b", "new")] == [10.0, 20.0, 3.0]
        clock.serve(10.0, work=6.0)  # `a` is overtaken: it has no share
        assert clock.start("new") == 16.0
        clock.serve(20.0, work=4.0)  # nobody waits
        assert clock.start("new") == 24.0
        clock.serve(5.0)
        assert clock.start("new") == 24.0

    def test_only_many_flows_are_worth_forgetting(self) -> None:
        clock = FairClock()
        for flow in range(256):
            clock.tag(flow, 5.0)
        clock.serve(5.0)
        assert len(clock) == 256
        clock.tag("late", 1.0)
        clock.serve(5.0)
        assert len(clock) == 1
        assert clock.start("late") == 6.0

    def test_all_start_anew_at_the_latest_time(self) -> None:
        clock = FairClock()
        clock.tag("a", 7.0)
        clock.reset()
        assert (clock.start("a"), len(clock)) == (7.0, 0)
        clock.serve(9.0)
        clock.reset()
        assert clock.start("a") == 9.0


class TestCosts:
    def test_the_average_is_of_the_last_answers(self) -> None:
        recent = Recent(1.0)
        recent.note(4.0)
        recent.note(2.0)
        assert recent.average == 3.0
        recent = Recent(1.0)
        for _ in range(LATELY):
            recent.note(8.0)
        recent.note(0.0)
        assert recent.average == 8.0 - 8.0 / LATELY

    def test_earlier_costs_count_for_half_once_there_are_enough_later_ones(self) -> None:
        costs, one = Costs(), operation()
        costs.note(one, REMEMBERED, 101)
        assert costs.of(one, 101) == pytest.approx(REMEMBERED)
        costs.note(one, 1.0, 0)
        assert costs.of(one, 50) == pytest.approx((REMEMBERED + 1) / 2)
        costs.note(one, 0.5, 50)
        assert costs.of(one, 100) == pytest.approx((REMEMBERED + 1) / 2 + 0.5)
        assert costs.of(operation(), 100) == 0.0

    def test_a_first_answer_without_tokens_costs_nothing_yet(self) -> None:
        costs, one = Costs(), operation()
        costs.note(one, 2.0, 0)
        assert costs.of(one, 1) == 0.0
        costs.note(one, 0.0, 1)
        assert costs.of(one, 1) == 2.0


def test_background_rows_have_one_pass_in_so_many() -> None:
    alternation, people, background = Alternation(), Turn(False, "a"), Turn(True, "a")
    for _ in range(2):
        assert [alternation.allowed([background, people]) for _ in range(PEOPLES_TURNS)] == [[people]] * PEOPLES_TURNS
        assert alternation.allowed([background, people]) == [background]
    assert alternation.allowed([people]) == [people]  # no background row waits: the count begins anew
    assert [alternation.allowed([background, people]) for _ in range(PEOPLES_TURNS)] == [[people]] * PEOPLES_TURNS
    assert alternation.allowed([background, people]) == [background]
    other = Turn(False, "b")
    assert alternation.allowed([people, background, other]) == [people, other]


class TestLearnedBudgets:
    def test_half_of_what_failed_is_the_limit(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.failed(one, rows(40))
        assert budgets.of(one, BUDGET) == Budget(padded_tokens=200, rows=64)
        assert [budgets.of(one, Budget(size)).padded_tokens for size in (199, 200, 201)] == [199, 200, 200]
        assert budgets.of(operation(), BUDGET) is BUDGET
        assert budgets.failures == 1
        budgets.failed(one, [Row(0, 1)])
        assert budgets.of(one, BUDGET).padded_tokens == 1
        assert budgets.failures == 2
        other = operation()
        budgets.failed(other, [Row(0, 1)])
        assert budgets.of(other, BUDGET).padded_tokens == 1
        odd = operation()
        budgets.failed(odd, [Row(0, 25)])
        assert budgets.of(odd, BUDGET).padded_tokens == 12

    def test_it_grows_after_so_many_passes_near_it(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.failed(one, rows(40))
        self._fit(budgets, one, PASSES * 2, 14)  # 140 of 200 tokens prove nothing
        self._grows(budgets, one, PASSES, 15, 200, 226)
        budgets.failed(one, rows(22))  # what has fitted is kept, and twice as many passes must fit
        self._grows(budgets, one, 2 * PASSES, 15, 150, 169)
        budgets.failed(one, rows(15))  # what had fitted does not any more
        assert budgets.of(one, BUDGET).padded_tokens == 75
        budgets.failed(one, rows(7))  # a part of that batch
        self._grows(budgets, one, 4 * PASSES, 3, 35, 40)

    def test_it_grows_again_after_as_many(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.failed(one, rows(40))
        self._grows(budgets, one, PASSES, 15, 200, 226)
        self._grows(budgets, one, PASSES, 17, 226, 255)

    def test_a_failure_begins_the_count_anew_and_there_is_a_most(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.failed(one, rows(40))
        for _ in range(10):
            self._fit(budgets, one, 1, 15)
            budgets.failed(one, rows(20))
        self._grows(budgets, one, MOST_PASSES, 15, 150, 169)

    def test_a_larger_failure_does_not_raise_the_limit(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.failed(one, rows(10))
        budgets.failed(one, rows(40))
        assert budgets.of(one, BUDGET).padded_tokens == 50

    def test_unknown_operations(self) -> None:
        budgets, one = LearnedBudgets(), operation()
        budgets.fitted(one, rows(1))
        budgets.forget(one)
        assert budgets.of(one, BUDGET) is BUDGET

    def test_padding_counts(self) -> None:
        assert padded_tokens([Row(0, 3), Row(0, 5)]) == 10
        assert padded_tokens([]) == 0

    def _fit(self, budgets: LearnedBudgets, one: Operation[Any, Any], passes: int, number: int) -> None:
        for _ in range(passes):
            budgets.fitted(one, rows(number))

    def _grows(
        self, budgets: LearnedBudgets, one: Operation[Any, Any], passes: int, number: int, before: int, after: int
    ) -> None:
        """Check that a limit grows with the last of some passes of so many rows, and not sooner."""
        self._fit(budgets, one, passes - 1, number)
        assert budgets.of(one, BUDGET).padded_tokens == before
        self._fit(budgets, one, 1, number)
        assert budgets.of(one, BUDGET).padded_tokens == after
