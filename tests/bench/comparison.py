"""Methods side by side, as tables in Markdown."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.inference.operations import run_task
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Coalition, Table
from tests.bench.attribution_methods import Method
from tests.bench.erasure import Case, found_origins, measure


@dataclass(frozen=True)
class Measured:
    """A method on a case."""

    drops: tuple[tuple[float, float], ...]
    """Comprehensiveness and sufficiency by each judge."""
    seconds: float
    origins: tuple[tuple[int, int], ...] = ()
    """How often a written word's strongest word is one that it comes from, and among how many: of the written words
    that come from one word, and of those that come from two. Empty if nobody knows."""

    @property
    def gap(self) -> float:
        """Comprehensiveness minus sufficiency, by the first judge."""
        return self.drops[0][0] - self.drops[0][1]


Rows = Mapping[str, Sequence[Measured]]
"""By method."""


def compare(
    cases: Iterator[Case], methods: Mapping[str, Method], say: Callable[[str], None], *, untimed: bool = False
) -> Rows:
    """Measure each method on each case.

    Args:
        say: told each case's gaps.
        untimed: let methods share the values of coalitions, which are most of the work. Times are nan.
    """
    rows: dict[str, list[Measured]] = {name: [] for name in methods}
    for case in cases:
        shared: dict[Coalition, Floats] = {}
        for name, method in methods.items():
            table = Table(case.units, case.value)
            table.known |= shared
            rows[name].append(_measured(case, method, table, untimed=untimed))
            shared |= table.known if untimed else {}
        say(" ".join(f"{rows[name][-1].gap:.2f}" for name in methods))
    return rows


def _measured(case: Case, method: Method, table: Table, *, untimed: bool) -> Measured:
    began = time.perf_counter()
    run_task(table.fill([(), table.whole]))
    scores = method(case, table)
    seconds = math.nan if untimed else time.perf_counter() - began
    drops = tuple(measure(judge, table.whole, scores[:, -1]) for judge in case.judges)
    origins = tuple(found_origins(case.words, scores, number) for number in (1, 2)) if case.words else ()
    return Measured(drops, seconds, origins)


def lines(title: str, rows: Rows) -> Iterator[str]:
    """Yield a table in Markdown."""
    first, fastest = next(iter(rows.values())), _median(rows["leave-one-out"])
    judges = ("", " (masks)")[: len(first[0].drops)]
    titles = [f"{name}{judge}" for judge in judges for name in ("comprehensiveness", "sufficiency")]
    if first[0].origins:
        titles += ["origin found", "one of two origins found"]
    yield f"{title}, {len(first)} texts; leave-one-out took {fastest:.2f} s (median)\n"
    yield f"| method | {' | '.join(titles)} | gap to the first row | time, of leave-one-out's |"
    yield "|---" * (len(titles) + 3) + "|"
    for name, measured in rows.items():
        means = np.array([one.drops for one in measured]).mean(axis=0).ravel().tolist()
        cells = [*(f"{one:.2f}" for one in means), *_origins(measured)]
        gap = "" if measured is first else _gap(measured, first)
        yield f"| {name} | {' | '.join(cells)} | {gap} | {_median(measured) / fastest:.1f} |"
    yield ""


def _gap(measured: Sequence[Measured], first: Sequence[Measured]) -> str:
    """Return by how much larger the gaps are than those of the first row, with the standard error."""
    gaps = [one.gap - best.gap for one, best in zip(measured, first, strict=True)]
    error = statistics.stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
    return f"{statistics.mean(gaps):+.2f} ± {error:.2f}"


def _origins(measured: Sequence[Measured]) -> Iterator[str]:
    for counts in zip(*(one.origins for one in measured), strict=True):
        found, asked = (sum(numbers) for numbers in zip(*counts, strict=True))
        yield f"{found} of {asked}"


def _median(measured: Sequence[Measured]) -> float:
    return statistics.median(one.seconds for one in measured)
