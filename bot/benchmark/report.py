"""What was measured, as figures: medians over the rounds, and ratios of turns that were taken side by side."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.benchmark.contest import Contest
from bot.benchmark.discord_load import DiscordTurn
from bot.benchmark.lineup import BESIDE, DIRECT, LIMIT, MANAGER, STATIC, THREADS, naive_in, worker_at
from bot.benchmark.pairs import median_interval
from bot.benchmark.turn import Turn, percentile


@dataclass(frozen=True)
class Figures:
    """One line of the table: the medians of a contender's rounds.

    Attributes:
        rate: requests a second.
        token_rate: generated tokens a second.
        p50_ms, p95_ms: of the time that a request takes.
        lag_p50_ms, lag_p99_ms: how late the event loop was.
        batch: rows in a batch, on average.
        waste: the share of padding among all tokens that were computed, 0 to 1.
        spread: half of the distance between the fastest and the slowest round, as a share of the median rate.
    """

    who: str
    requests: int
    failures: int
    rate: float
    token_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    batch: float | None
    waste: float | None
    spread: float


@dataclass(frozen=True)
class Ratio:
    """How two contenders compare.

    Attributes:
        value: the median of the rounds' ratios; for a lone user that of the texts' ratios.
        low, high: the least and the greatest round's ratio; for a lone user the median's 95 % confidence interval.
    """

    what: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class TaskReport:
    """What is told about one task.

    Attributes:
        memory_mb: of the bot's process before the copies for the comparison were loaded, under the greatest load.
        device_memory_mb: the same on the GPU; None where there is none.
        limit: in which batches the limit was best.
        notes: what a reader must know besides.
    """

    task: str
    checkpoint: str
    head: str
    device: str
    precision: str
    memory_mb: float
    device_memory_mb: float | None
    limit: str
    figures: tuple[Figures, ...]
    ratios: tuple[Ratio, ...]
    notes: tuple[str, ...]


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


def discord_report(task: str, members: int, rounds: Sequence[DiscordTurn]) -> DiscordReport:
    """The figures of a load through Discord."""
    turns = [one.turn for one in rounds]
    return DiscordReport(
        task,
        members,
        answers=sum(turn.requests - turn.failures for turn in turns),
        failures=sum(turn.failures for turn in turns),
        rate=statistics.median(turn.rate for turn in turns),
        acknowledged_p50_ms=_median(_ms(one.acknowledgements, 50) for one in rounds),
        acknowledged_p99_ms=_median(_ms(one.acknowledgements, 99) for one in rounds),
        answered_p50_ms=_median(_ms(turn.latencies, 50) for turn in turns),
        answered_p95_ms=_median(_ms(turn.latencies, 95) for turn in turns),
        lag_p50_ms=_median(_ms(turn.lags, 50) for turn in turns),
        lag_p99_ms=_median(_ms(turn.lags, 99) for turn in turns),
    )


def report(contest: Contest) -> TaskReport:
    """The figures of a contest."""
    size, unit = contest.batch
    device_memory = contest.memory.device
    return TaskReport(
        contest.task,
        contest.checkpoint,
        str(contest.head),
        contest.device.name,
        contest.device.precision,
        contest.memory.process / 1e6,
        None if device_memory is None else device_memory / 1e6,
        f"batches of {size} {unit}",
        tuple(_figures(who, turns) for who, turns in contest.turns.items()),
        tuple(_ratios(contest)),
        tuple(contest.notes),
    )


def _figures(who: str, turns: Sequence[Turn]) -> Figures:
    rates = [turn.rate for turn in turns]
    rate = statistics.median(rates)
    return Figures(
        who,
        requests=sum(turn.requests for turn in turns),
        failures=sum(turn.failures for turn in turns),
        rate=rate,
        token_rate=_median(turn.token_rate for turn in turns),
        p50_ms=_median(_ms(turn.latencies, 50) for turn in turns),
        p95_ms=_median(_ms(turn.latencies, 95) for turn in turns),
        lag_p50_ms=_median(_ms(turn.lags, 50) for turn in turns),
        lag_p99_ms=_median(_ms(turn.lags, 99) for turn in turns),
        batch=_median(turn.padding.mean_batch if turn.padding else None for turn in turns),
        waste=_median(turn.padding.waste if turn.padding else None for turn in turns),
        spread=(max(rates) - min(rates)) / 2 / rate if rate else 0.0,
    )


def _ratios(contest: Contest) -> Iterable[Ratio]:
    own = contest.device.precision
    anybody = [LIMIT, STATIC, *dict.fromkeys([naive_in("float32"), naive_in(own)]), naive_in(own, THREADS)]
    for users in contest.users:
        # They have as many people as the worker has at most.
        equals = [MANAGER, BESIDE] if users == max(contest.users) else []
        for rival in [*anybody, *equals]:
            if users > 1 and rival in contest.turns:
                yield _ratio(contest, worker_at(users), rival)
    if contest.lone_ratios:
        low, high = median_interval(contest.lone_ratios)
        value = statistics.median(contest.lone_ratios)
        yield Ratio(f"{worker_at(1)} / {DIRECT}: time that the same text takes", value, low, high)


def _ratio(contest: Contest, ours: str, theirs: str) -> Ratio:
    rounds = zip(contest.turns[ours], contest.turns[theirs], strict=True)
    ratios = [_speed(one) / _speed(other) for one, other in rounds]
    return Ratio(f"{ours} / {theirs}", statistics.median(ratios), min(ratios), max(ratios))


def _speed(turn: Turn) -> float:
    return turn.rate if turn.token_rate is None else turn.token_rate


def _ms(seconds: Sequence[float], percent: float) -> float | None:
    found = percentile(seconds, percent)
    return None if found is None else 1_000 * found


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
