"""Measured runs as figures: medians over the rounds, and ratios of runs of the same round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.text import Text

from bot.benchmark import report as small
from bot.benchmark.comparison import naive_in, worker_at
from bot.benchmark.report import median, milliseconds, number, pair, percent, table_of
from bot.tables import FiguresTable
from tests.bench.contest import Contest
from tests.bench.discord_load import DiscordRun
from tests.bench.lineup import BESIDE, DIRECT, LIMIT, LLAMA, MANAGER, OWN, STATIC, THREADS
from tests.bench.pairs import median_interval
from tests.bench.run import Run


@dataclass(frozen=True)
class Figures(small.Figures):
    """The medians of a contender's rounds, with figures for developers.

    Attributes:
        lag_p50_ms, lag_p99_ms: how late the event loop was.
        batch: rows in a batch, on average.
        waste: the share of padding among all computed tokens, 0 to 1.
    """

    lag_p50_ms: float | None
    lag_p99_ms: float | None
    batch: float | None
    waste: float | None

    @classmethod
    def of_runs(cls, who: str, runs: Sequence[Run]) -> Figures:
        """Return the figures of a contender's runs."""
        return cls(
            **vars(small.Figures.of(who, runs)),
            lag_p50_ms=median(milliseconds(run.lags, 50) for run in runs),
            lag_p99_ms=median(milliseconds(run.lags, 99) for run in runs),
            batch=median(run.padding.mean_batch if run.padding else None for run in runs),
            waste=median(run.padding.waste if run.padding else None for run in runs),
        )


@dataclass(frozen=True)
class Ratio:
    """The median, the least and the greatest of the rounds' ratios of two contenders' rates."""

    what: str
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: str, theirs: str, runs: Mapping[str, Sequence[Run]]) -> Ratio:
        """Compare two contenders, in tokens if they are counted."""
        rounds = zip(runs[ours], runs[theirs], strict=True)
        ratios = [_speed(one) / _speed(other) for one, other in rounds]
        return cls(f"{ours} / {theirs}", statistics.median(ratios), min(ratios), max(ratios))


def _speed(run: Run) -> float:
    return run.rate if run.token_rate is None else run.token_rate


COLUMNS: Mapping[str, Callable[[Figures], str]] = {
    **{name: cell for name, cell in small.COLUMNS.items() if name != "failed"},
    "loop lag\nms p50 / p99": lambda one: pair(one.lag_p50_ms, one.lag_p99_ms),
    "batch": lambda one: number(one.batch),
    "pad": lambda one: percent(one.waste),
    "failed": small.COLUMNS["failed"],
}


@dataclass(frozen=True)
class TaskReport(small.TaskReport):
    """The figures of one task.

    Attributes:
        ratios: a lone user's is the median of the texts' ratios, with its 95 % confidence interval.
        limit: who sets it, and with which settings.
        notes: remarks for the reader.
    """

    figures: tuple[Figures, ...]
    ratios: tuple[Ratio, ...]
    limit: str
    notes: tuple[str, ...]

    def table(self) -> RenderableType:
        """Return the figures as tables for people."""
        ratios: Mapping[str, Callable[[Ratio], str]] = {
            "compared": lambda one: one.what,
            "ratio": lambda one: f"{one.value:.2f}",
            "from – to": lambda one: f"{one.low:.2f} – {one.high:.2f}" if one.low < one.high else "",
        }
        notes = map(Text, (f"The limit: {self.limit}.", *self.notes))
        tables = table_of(self.figures, COLUMNS), FiguresTable(self.ratios, ratios)
        return Group(self.about(), *notes, *tables, Text())


@dataclass(frozen=True)
class DiscordReport:
    """A load through the simulated Discord: medians of the rounds.

    Attributes:
        acknowledged_p50_ms, acknowledged_p99_ms: from the interaction to its acknowledgement.
        answered_p50_ms, answered_p95_ms: from the interaction to the answer.
    """

    task: str
    members: int
    answers: int
    failures: int
    rate: float
    acknowledged_p50_ms: float | None
    acknowledged_p99_ms: float | None
    answered_p50_ms: float | None
    answered_p95_ms: float | None
    lag_p50_ms: float | None
    lag_p99_ms: float | None

    def table(self) -> RenderableType:
        """Return the figures as a table for people."""
        columns: Mapping[str, Callable[[DiscordReport], str]] = {
            "task": lambda one: one.task,
            "users": lambda one: str(one.members),
            "done": lambda one: str(one.answers),
            "failed": lambda one: str(one.failures),
            "req/s": lambda one: number(one.rate),
            "acknowledged\nms p50 / p99": lambda one: pair(one.acknowledged_p50_ms, one.acknowledged_p99_ms),
            "answered\nms p50 / p95": lambda one: pair(one.answered_p50_ms, one.answered_p95_ms),
            "loop lag\nms p50 / p99": lambda one: pair(one.lag_p50_ms, one.lag_p99_ms),
        }
        return FiguresTable([self], columns)


def discord_report(task: str, members: int, rounds: Sequence[DiscordRun]) -> DiscordReport:
    """Return the figures of a load through Discord."""
    runs = [one.run for one in rounds]
    return DiscordReport(
        task,
        members,
        answers=sum(run.requests - run.failures for run in runs),
        failures=sum(run.failures for run in runs),
        rate=statistics.median(run.rate for run in runs),
        acknowledged_p50_ms=median(milliseconds(one.acknowledgements, 50) for one in rounds),
        acknowledged_p99_ms=median(milliseconds(one.acknowledgements, 99) for one in rounds),
        answered_p50_ms=median(milliseconds(run.latencies, 50) for run in runs),
        answered_p95_ms=median(milliseconds(run.latencies, 95) for run in runs),
        lag_p50_ms=median(milliseconds(run.lags, 50) for run in runs),
        lag_p99_ms=median(milliseconds(run.lags, 99) for run in runs),
    )


def report(contest: Contest) -> TaskReport:
    """Return the figures of a contest."""
    limit = fastest(contest)
    settings = f": {contest.offline[limit]}" if limit in contest.offline else ""
    device_memory = contest.memory.device
    return TaskReport(
        contest.task,
        contest.checkpoint,
        str(contest.head),
        contest.device.name,
        contest.device.precision,
        contest.memory.process / 1e6,
        None if device_memory is None else device_memory / 1e6,
        tuple(Figures.of_runs(who, runs) for who, runs in contest.runs.items()),
        tuple(_ratios(contest, limit)),
        f"{limit}{settings}",
        (*_settings(contest, limit), *contest.notes),
    )


def fastest(contest: Contest) -> str:
    """Return who sets the limit: the fastest of our own layers and of all that round no more than the worker."""
    candidates = [name for name in contest.runs if name in contest.exact]
    return max(candidates, key=lambda name: statistics.median(map(_speed, contest.runs[name])), default=OWN)


def _settings(contest: Contest, limit: str) -> Iterable[str]:
    others = [f"{name}: {settings}" for name, settings in contest.offline.items() if name != limit]
    if others:
        yield f"The others at their best: {'; '.join(others)}."


def _ratios(contest: Contest, limit: str) -> Iterable[Ratio]:
    own = contest.device.precision
    engines = [name for name in contest.offline if name != limit]
    naive = [*dict.fromkeys([naive_in("float32"), naive_in(own)]), naive_in(own, THREADS)]
    for users in contest.users:
        if users == 1:
            continue
        yield replace(Ratio.of(worker_at(users), limit, contest.runs), what=f"{worker_at(users)} / {LIMIT}")
        # They have as many people as the worker has at most.
        equals = [MANAGER, LLAMA, BESIDE] if users == max(contest.users) else []
        for rival in [*engines, STATIC, *naive, *equals]:
            if rival in contest.runs and rival != limit:
                yield Ratio.of(worker_at(users), rival, contest.runs)
    if contest.lone_ratios:
        low, high = median_interval(contest.lone_ratios)
        value = statistics.median(contest.lone_ratios)
        yield Ratio(f"{worker_at(1)} / {DIRECT}: time that the same text takes", value, low, high)
