from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.operations import Budget
from bot.inference.scheduling.batching import by_distance, gather, order_of, padding_waste
from bot.inference.scheduling.fair_queueing import FairClock


@dataclass(frozen=True, eq=False)
class Piece:
    tokens: int
    tag: float = 0.0
    number: int = field(default_factory=partial(next, count()), init=False)

    @property
    def order(self) -> tuple[float, int]:
        return self.tag, self.number


pieces = st.builds(Piece, tokens=st.integers(0, 300) | st.integers(20, 30), tag=st.floats(0, 100) | st.integers(0, 3))
budgets = st.builds(
    Budget, padded_tokens=st.integers(1, 600), rows=st.integers(1, 12), waste=st.floats(0, 0.95, allow_nan=False)
)


def gathered(due: Piece, others: Sequence[Piece], budget: Budget) -> list[Piece]:
    """The batch of rows that wait in any order."""
    by_length: dict[int, list[Piece]] = defaultdict(list)
    for one in sorted(others, key=order_of):
        by_length[one.tokens].append(one)
    return gather(due, by_distance(by_length, due.tokens), budget)


@given(pieces, st.lists(pieces, max_size=40), budgets)
def test_a_batch_is_that_of_looking_at_every_row(due: Piece, others: list[Piece], budget: Budget) -> None:
    batch = [due]
    for one in sorted(others, key=lambda one: (abs(one.tokens - due.tokens), one.order)):
        lengths = [*(row.tokens for row in batch), one.tokens]
        padded = max(1, *lengths) * len(lengths)
        if len(batch) < budget.rows and padded <= budget.padded_tokens and 1 - sum(lengths) / padded <= budget.waste:
            batch.append(one)
    assert gathered(due, others, budget) == batch


@given(pieces, st.lists(pieces, max_size=40), budgets)
def test_a_batch_keeps_its_budget(due: Piece, others: list[Piece], budget: Budget) -> None:
    batch = gathered(due, others, budget)
    lengths = [piece.tokens for piece in batch]
    assert batch[0] is due
    assert len(set(map(id, batch))) == len(batch)
    assert set(map(id, batch)) <= {id(due), *map(id, others)}
    assert len(batch) <= budget.rows
    if len(batch) > 1:
        assert max(lengths) * len(lengths) <= budget.padded_tokens
        assert padding_waste(lengths) <= budget.waste + 1e-9


@given(st.lists(pieces, min_size=1, max_size=40), budgets)
def test_serving_batch_after_batch_serves_everybody_once(waiting: list[Piece], budget: Budget) -> None:
    served: list[Piece] = []
    left = list(waiting)
    while left:
        due = min(left, key=lambda piece: piece.tag)
        batch = gathered(due, [piece for piece in left if piece is not due], budget)
        served += batch
        left = [piece for piece in left if piece not in batch]
    assert Counter(map(id, served)) == Counter(map(id, waiting))


def test_equal_rows_run_in_their_order() -> None:
    rows = [Piece(10, tag) for tag in (3.0, 1.0, 2.0, 4.0)]
    batch = gathered(Piece(10, 0.0), rows, Budget(40, rows=3))
    assert [piece.tag for piece in batch] == [0.0, 1.0, 2.0]


def test_the_nearest_in_length_go_together() -> None:
    batch = gathered(Piece(10), [Piece(tokens) for tokens in (100, 11, 9, 50, 10, 1)], Budget(44, waste=0.2))
    assert sorted(piece.tokens for piece in batch) == [9, 10, 10, 11]


def test_a_length_that_does_not_fit_keeps_out_no_other_that_is_as_near() -> None:
    """Nor does the row that is due, if it still stands among those that wait."""
    due = Piece(10)
    shorter, *longer = Piece(8, 2.0), Piece(12), Piece(12, 1.0)
    assert gathered(due, [shorter, *longer], Budget(20, rows=4, waste=0.9)) == [due, shorter]
    equal = Piece(10)
    assert gathered(due, [due, equal], Budget(20)) == [due, equal]


def test_a_full_batch_takes_as_many_as_fit() -> None:
    assert len(gathered(Piece(8), [Piece(8) for _ in range(100)], Budget(256, rows=64))) == 32
    assert len(gathered(Piece(8), [Piece(8) for _ in range(100)], Budget(10_000, rows=64))) == 64


@pytest.mark.parametrize("lengths", [[5], [5, 5], [0], [0, 0]])
def test_equal_lengths_waste_nothing(lengths: list[int]) -> None:
    assert padding_waste(lengths) == pytest.approx(0 if sum(lengths) else 1)


@given(st.lists(st.integers(1, 300), max_size=40), budgets)
def test_rows_that_are_alike_keep_the_budget_together(lengths: list[int], budget: Budget) -> None:
    batches = budget.split(lengths)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        found = [lengths[place] for place in batch]
        assert len(batch) == 1 or max(found) * len(batch) <= budget.padded_tokens
        assert len(batch) <= budget.rows
        assert padding_waste(found) <= budget.waste + 1e-9


def test_rows_that_are_alike_share_a_batch() -> None:
    assert Budget(600, rows=8, waste=0.2).split([10, 200, 9, 210, 10]) == [[2, 0, 4], [1, 3]]


def test_padding_waste() -> None:
    assert padding_waste([10, 5]) == pytest.approx(0.25)


def order(clock: FairClock, queue: list[tuple[str, float, float]]) -> list[str]:
    """Who is served, by tag: `queue` holds (person, cost, tag)."""
    served = []
    while queue:
        one = min(queue, key=lambda item: item[2])
        queue.remove(one)
        clock.serve(one[2])
        served.append(one[0])
    return served


def test_fifty_requests_do_not_delay_somebody_elses_one() -> None:
    clock = FairClock()
    queue = [("greedy", 10.0, clock.tag("greedy", 10.0)) for _ in range(50)]
    queue.append(("modest", 10.0, clock.tag("modest", 10.0)))
    assert order(clock, queue).index("modest") <= 1


def test_a_late_comer_waits_for_no_backlog() -> None:
    clock = FairClock()
    queue = [("greedy", 10.0, clock.tag("greedy", 10.0)) for _ in range(50)]
    for _ in range(20):
        one = queue.pop(0)
        clock.serve(one[2])
    queue.append(("modest", 10.0, clock.tag("modest", 10.0)))
    assert order(clock, queue).index("modest") <= 1


def test_a_stream_of_newcomers_does_not_starve_a_second_request() -> None:
    clock = FairClock()
    queue = [("regular", 50.0, clock.tag("regular", 50.0)) for _ in range(3)]
    served = []
    for newcomer in range(100):
        queue.append((f"newcomer {newcomer}", 10.0, clock.tag(newcomer, 10.0)))
        one = min(queue, key=lambda item: item[2])
        queue.remove(one)
        clock.serve(one[2], work=one[1])
        served.append(one[0])
    assert served.count("regular") == 3


def test_idleness_earns_nothing() -> None:
    clock = FairClock()
    for _ in range(100):
        clock.serve(clock.tag("busy", 10.0))
    queue = [("idler", 10.0, clock.tag("idler", 10.0)) for _ in range(10)]
    queue += [("busy", 10.0, clock.tag("busy", 10.0)) for _ in range(10)]
    served = order(clock, queue)
    assert 3 <= served[:10].count("busy") <= 7


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(1, 50)), min_size=1, max_size=60))
def test_everybody_is_served_and_nobody_gets_far_ahead(asked: list[tuple[str, float]]) -> None:
    """Start-time fair queueing: while two flows wait, what they got differs by at most two largest pieces."""
    clock = FairClock()
    queue = [(person, cost, clock.tag(person, cost)) for person, cost in asked]
    largest = max(cost for _, cost in asked)
    got: Counter[str] = Counter()
    while queue:
        one = min(queue, key=lambda item: item[2])
        queue.remove(one)
        clock.serve(one[2])
        got[one[0]] += one[1]  # type: ignore[assignment]
        backlogged = {person for person, _, _ in queue}
        for person in backlogged:
            assert got[one[0]] - got[person] <= 2 * largest + 1e-6


def test_a_clock_forgets_those_it_has_overtaken() -> None:
    clock = FairClock()
    for person in range(10_000):
        clock.serve(clock.tag(person, 1.0) + 1.0)
    assert len(clock) <= 300
    clock.reset()
    assert len(clock) == 0
    assert clock.start("new") >= 0


def test_a_flow_that_does_not_come_back_is_forgotten() -> None:
    clock = FairClock()
    clock.tag("a", 5)
    clock.drop("a")
    clock.drop("unknown")
    assert len(clock) == 0
    assert clock.start("a") == 0
