"""The smoothed mean, its band, and the moments, against what is known of the messages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.mood import STRETCH, Estimate, Felt, Mood, mood_of, resampled, smoothed

DAY = 86_400.0
START = 1_767_225_600.0


def felt(values: list[float], *, apart: float = 600.0, writers: int = 3) -> list[Felt]:
    return [Felt(1_000 + index, START + index * apart, index % writers, value) for index, value in enumerate(values)]


def estimates(mood: Mood) -> list[Estimate]:
    return [point.estimate for point in mood.curve if point.estimate is not None]


def test_the_mean_is_the_weighted_one() -> None:
    times, values = np.array([0.0, 10.0, 20.0, 30.0]), np.array([1.0, -1.0, 0.5, 0.0])
    [found] = smoothed(times, values, np.array([10.0]), 20.0, resampled(4, 50))

    weights = np.exp(-0.5 * ((times - 10.0) / 20.0) ** 2)
    assert found is not None
    assert found.mean == pytest.approx(float(np.average(values, weights=weights)))


def test_the_band_of_equal_messages_is_their_mood() -> None:
    mood = mood_of(felt([0.25] * 60))

    for one in (*estimates(mood), mood.overall):
        assert (one.mean, one.low, one.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_band_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of messages that are independent, and of messages that resemble their neighbours."""
    draw = np.random.default_rng(7)
    for persistence in (0.0, 0.6):
        covered = []
        for _ in range(60):
            noise, values = 0.0, []
            for _ in range(300):
                noise = persistence * noise + float(draw.normal(0, 0.3))
                values.append(noise)
            overall = mood_of(felt(values)).overall
            covered.append(overall.low <= 0.0 <= overall.high)
        assert 0.8 <= np.mean(covered) <= 1.0


def test_the_band_is_wider_where_neighbours_are_alike() -> None:
    draw = np.random.default_rng(3)
    values = draw.choice([-1.0, 1.0], 40)
    alike, apart = np.repeat(values, 8), np.tile(values, 8)
    widths = [mood_of(felt(one.tolist())).overall for one in (alike, apart)]
    assert widths[0].high - widths[0].low > 1.5 * (widths[1].high - widths[1].low)


def test_there_is_no_curve_where_nobody_wrote() -> None:
    before, after = felt([0.5] * 250), felt([-0.5] * 250)
    later = [Felt(one.message + 500, one.when + 20 * DAY, one.writer, one.value) for one in after]
    mood = mood_of([*later, *before])

    found = [point.estimate for point in mood.curve]
    assert found[0] is not None
    assert found[-1] is not None
    assert found[0].mean == pytest.approx(0.5, abs=0.01)
    assert found[-1].mean == pytest.approx(-0.5, abs=0.01)
    assert None in found
    assert [part.messages for part in mood.parts if part.messages] == [144, 106, 144, 106]
    assert {part.mean for part in mood.parts} == {0.5, -0.5, None}


def test_the_same_messages_give_the_same_picture() -> None:
    messages = felt(np.random.default_rng(1).uniform(-1, 1, 100).tolist())
    assert mood_of(messages) == mood_of(messages[::-1])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80), st.integers(1, 4))
def test_all_numbers_are_moods(values: list[float], writers: int) -> None:
    mood = mood_of(felt(values, writers=writers))

    for one in (*estimates(mood), mood.overall):
        assert -1 - 1e-9 <= one.low <= one.mean <= one.high <= 1 + 1e-9
    assert sum(part.messages for part in mood.parts) == len(values)
    starts = sorted(moment.message for moment in (*mood.positive, *mood.negative))
    assert all(later - earlier >= STRETCH for earlier, later in pairwise(starts))
    if writers == 1:
        assert not starts


def test_moments_are_the_strongest_stretches() -> None:
    values = [0.0] * 60
    values[20:25] = [0.9, 1.0, 0.8, 1.0, 0.9]
    values[45:50] = [-1.0] * 5
    mood = mood_of(felt(values))

    assert (mood.positive[0].message, mood.negative[0].message) == (1_020, 1_045)
    assert [mood.positive[0].value, mood.negative[0].value] == pytest.approx([0.92, -1.0])


def test_a_moment_is_never_one_persons() -> None:
    messages = felt([0.0] * 60)
    messages[20:29] = [Felt(one.message, one.when, 9, 1.0) for one in messages[20:29]]
    mood = mood_of(messages)

    by_message = {one.message: index for index, one in enumerate(messages)}
    for moment in (*mood.positive, *mood.negative):
        start = by_message[moment.message]
        assert len({one.writer for one in messages[start : start + STRETCH]}) > 1
