"""The last hour: quantiles as exact as promised, errors by kind, and nothing older."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.status import DeviceStatus, WorkerStatus
from bot.operating.last_hour import ACCURACY, LONGEST, MINUTES, MOST_KINDS, OTHERS, SHORTEST, LastHour
from bot.operating.throughput import KEPT_SECONDS, Samples


class Clock:
    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(SHORTEST, LONGEST), min_size=1, max_size=200))
def test_quantiles_are_as_exact_as_promised(seconds: list[float]) -> None:
    hour = LastHour(Clock())
    for one in seconds:
        hour.answered(one)

    found = hour.latencies
    for quantile, share in zip(found.overall, (0.5, 0.95), strict=True):
        exact = float(np.quantile(seconds, share, method="inverted_cdf"))
        assert quantile == pytest.approx(exact, rel=ACCURACY + 1e-9)
    assert (found.p50[-1], found.p95[-1]) == found.overall
    assert found.answers == (*[0] * (MINUTES - 1), len(seconds))


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 5_000.0])
def test_what_is_beyond_the_scale_is_counted_at_its_end(seconds: float) -> None:
    hour = LastHour(Clock())
    hour.answered(seconds)

    assert SHORTEST * 0.9 <= hour.latencies.overall[0] <= LONGEST * 1.2


def test_each_minute_is_its_own_and_leaves_after_an_hour() -> None:
    clock = Clock()
    hour = LastHour(clock)
    for minute in range(3):
        hour.answered(10.0**minute)
        hour.failed("QueueFull")
        clock.now += 60
    hour.failed("NotFinite")

    found = hour.latencies
    assert found.answers[-4:] == (1, 1, 1, 0)
    assert found.p50[-4:-1] == pytest.approx((1.0, 10.0, 100.0), rel=ACCURACY)
    assert math.isnan(found.p50[-1])
    assert [(one.kind, one.number) for one in hour.failures] == [("QueueFull", 3), ("NotFinite", 1)]
    assert hour.failures[1].last == clock.now
    clock.now += 58 * 60
    assert sum(hour.latencies.answers) == 1
    assert [(one.kind, one.number) for one in hour.failures] == [("QueueFull", 1), ("NotFinite", 1)]
    clock.now += 10 * 3600
    assert sum(hour.latencies.answers) == 0
    assert not hour.failures
    assert all(map(math.isnan, hour.latencies.overall))


def test_it_does_not_grow() -> None:
    clock = Clock()
    hour = LastHour(clock)
    for kind in range(3 * MOST_KINDS):
        hour.failed(f"Error{kind}")

    assert len(hour.failures) == MOST_KINDS + 1
    assert hour.failures[0].kind == OTHERS
    clock.now += 3600
    assert not hour.failures
    assert not hour._last


STATUS = WorkerStatus(0, 0, (DeviceStatus("cpu", "float32", 0, 0, 0, 0, 0.0, 0, None),), (), 0)


def worked(batches: int, busy: float) -> WorkerStatus:
    device = replace(
        STATUS.devices[0],
        batches=batches, rows=4 * batches, tokens=90 * batches, padded_tokens=100 * batches, busy_seconds=busy,
    )  # fmt: skip
    return replace(STATUS, devices=(device,))


def test_throughput_is_that_of_the_last_hour() -> None:
    clock = Clock()
    samples = Samples(clock)
    samples.take(lambda: worked(10, 1.0))
    clock.now += KEPT_SECONDS + 600
    samples.take(lambda: worked(30, 3.0))
    clock.now += 600
    samples.take(lambda: pytest.fail("not so soon") if clock.now < 0 else worked(40, 4.0))
    clock.now += KEPT_SECONDS - 600

    found = samples.lately(worked(50, 8.0))
    assert (found.seconds, found.batches, found.rows) == (KEPT_SECONDS, 20, 80)
    assert found.rows_per_batch == 4
    assert found.tokens_per_second == pytest.approx(20 * 90 / 5.0)
    assert found.waste == pytest.approx(0.1)


def test_samples_are_taken_now_and_then() -> None:
    clock, taken = Clock(), 0
    samples = Samples(clock)

    def read() -> WorkerStatus:
        nonlocal taken
        taken += 1
        return STATUS

    for _ in range(100):
        samples.take(read)
        clock.now += 1
    assert taken == 4


def test_a_machine_that_begins_anew_counts_from_nothing() -> None:
    samples = Samples(Clock())
    samples.take(lambda: worked(1_000, 100.0))

    assert samples.lately(worked(3, 1.0)).batches == 3
    idle = samples.lately(STATUS)
    assert (idle.rows_per_batch, idle.tokens_per_second, idle.waste) == (None, None, None)
