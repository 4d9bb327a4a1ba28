"""Comprehensiveness and sufficiency of scores, on a number that is known."""

from __future__ import annotations

import numpy as np
import pytest

from bot.inference.operations import TaskRun, run_task
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Table
from bot.tasks.work.units import Units
from tests.bench.faithfulness import leave_one_out, measure, shapley_exact


def value(text: str) -> TaskRun[Floats]:
    yield from ()
    return np.array([4.0 * ("good" in text) + 1.0 * ("fine" in text)])


@pytest.fixture
def table() -> Table:
    return Table(Units("word", ("a ", "good ", "fine ", "day")), value)


def test_right_scores_are_comprehensive_and_sufficient(table: Table) -> None:
    run_task(table.fill([()]))
    for method in (shapley_exact, leave_one_out):
        assert list(method(None, table, 0)) == pytest.approx([0, 4, 1, 0])
    full, enough = measure(table, [0.0, 4.0, 1.0, 0.0])
    assert full == pytest.approx((4 + 4 + 5) / 3)
    assert enough == pytest.approx((1 + 1 + 0) / 3)
    full, enough = measure(table, [1.0, 0.0, 0.0, 0.5])
    assert (full, enough) == (0, 5)
