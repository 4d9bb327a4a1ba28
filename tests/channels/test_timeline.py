from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.timeline import DAY, HOUR, LENGTHS, MINUTE, MOST, WEEK, Timeline

NOON = 1_767_268_800.0
"""1 January 2026, 12:00 UTC."""


@given(st.floats(0, 4e9), st.lists(st.floats(0, 10 * 365 * DAY), min_size=1, max_size=300))
def test_every_moment_is_in_one_of_a_few_parts(first: float, later: list[float]) -> None:
    times = [first + after for after in later]
    timeline = Timeline.of(times)

    assert 1 <= timeline.parts <= MOST
    assert timeline.start <= min(times)
    assert max(times) <= timeline.end
    parts = timeline.part_of(np.array(times))
    for when, part in zip(times, parts.tolist(), strict=True):
        assert timeline.borders[part] <= when <= timeline.borders[part + 1]


@pytest.mark.parametrize(
    ("seconds", "messages", "length"),
    [(0, 1, 10), (HOUR, 1_000, 5 * MINUTE), (DAY - 1, 1_000, HOUR), (20 * DAY, 1_000, DAY), (20 * DAY, 30, WEEK)],
)
def test_parts_are_as_long_as_the_messages_need(seconds: int, messages: int, length: int) -> None:
    timeline = Timeline.of(np.linspace(NOON, NOON + seconds, messages).tolist())

    assert timeline.length == length
    assert length in LENGTHS


def test_parts_begin_where_people_expect_it() -> None:
    days = Timeline.of([NOON, *[NOON + 12 * DAY] * 200])
    assert days.start % DAY == 0
    weeks = Timeline.of([NOON, *[NOON + 100 * DAY] * 200])
    assert weeks.length == WEEK
    assert weeks.label(weeks.start) == "29 Dec"  # a Monday


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(60, "12:00:00"), (5 * HOUR, "12:00"), (2 * DAY, "1 Jan 12:00"), (12 * DAY, "1 Jan"), (900 * DAY, "Dec 2025")],
)
def test_labels_are_as_exact_as_needed(seconds: int, label: str) -> None:
    timeline = Timeline.of(np.linspace(NOON, NOON + seconds, 1_000).tolist())

    assert timeline.label(NOON if seconds < 900 * DAY else timeline.start) == label
