"""Charts over time: what is drawn, what is said, and any texts and numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.latency import latency
from bot.pictures.mood import BAND, Mark, MoodPoint, mood
from bot.pictures.palette import ACCENT, SECOND
from bot.pictures.plot import Tick
from bot.pictures.stacked_shares import COLOURS, MOST_KINDS, Column, shares
from tests.pictures.support import count, decoded

TICKS = (Tick(0.0, "1 Nov"), Tick(0.5, "2 Nov"), Tick(1.0, "3 Nov"))
FLAT = [MoodPoint(at / 10, 0.5, 0.4, 0.6) for at in range(11)]


def test_a_mood_is_said_with_its_band_and_moments() -> None:
    marks = [Mark(0.2, "1", 0.93, True), Mark(0.7, "A", -0.4, False)]
    picture = mood("Mood of #general", "11 messages", [FLAT[:5], FLAT[7:]], marks, [3, 4, 0, 4], TICKS)

    decoded(picture)
    assert picture.alt == (
        "Mood of #general. 11 messages From 1 Nov to 3 Nov. The mean mood, from −1 to +1, begins at +0.50 and ends at "
        "+0.50; its lowest is +0.50 (+0.40 to +0.60), its highest +0.50 (+0.40 to +0.60). 1 gap without messages. Most "
        "positive moments: 1 at +0.93. Most negative moments: A at −0.40."
    )
    assert count(picture, SECOND) > 200  # the sign of the negative moment


def test_a_wider_band_is_drawn_wider() -> None:
    wide = [MoodPoint(point.at, point.mean, 0.2, 0.8) for point in FLAT]
    narrow, broad = (count(mood("", "", [piece], [], [1], TICKS), BAND) for piece in (FLAT, wide))

    # Of the band, the curve covers as much in both; the legend's swatch is in both.
    assert broad > 2.2 * narrow


def test_signs_of_one_moment_stand_beside_each_other() -> None:
    marks = [Mark(0.99, sign, 0.9, True) for sign in "123"]
    one, three = (count(mood("", "", [FLAT], chosen, [1], TICKS), ACCENT) for chosen in (marks[:1], marks))

    assert three - one > 2 * 600  # two discs more, none under another


def test_shares_are_as_high_as_their_numbers() -> None:
    picture = shares("Topics", "8 messages", ("food", "music"), [Column((3, 1), 0)], TICKS)

    decoded(picture)
    food, music = (count(picture, COLOURS[index]) for index in (0, 1))
    assert food / music == pytest.approx(3, rel=0.1)
    assert "Shares of all messages: food 75.0 %, music 25.0 % and unclear 0.0 %." in picture.alt


def test_more_kinds_than_colours_are_refused() -> None:
    with pytest.raises(ValueError, match="colours for 8"):
        shares("", "", ["kind"] * (MOST_KINDS + 1), [], TICKS)


def test_latencies_have_gaps_and_are_said() -> None:
    p50 = [math.nan] * 58 + [0.2, 0.4]
    picture = latency("Waits", "2 answers", p50, [2 * one for one in p50], [0] * 58 + [1, 1])

    decoded(picture)
    assert picture.alt == (
        "Waits. 2 answers 2 answers in 2 minutes of 60. In the slowest minute p50 was 0.4 s and p95 0.8 s."
    )
    assert count(picture, ACCENT) > 0
    nothing = latency("Waits", "", [math.nan] * 60, [math.nan] * 60, [0] * 60)
    assert nothing.alt == "Waits. No answers in this time."


text = st.text(max_size=40)
number = st.floats(allow_nan=True, allow_infinity=True)
share = st.floats(-1, 1)


@settings(max_examples=8)
@given(
    text, st.lists(st.tuples(st.floats(0, 1), share, share, share), max_size=6), st.lists(st.integers(0, 9), max_size=9)
)
def test_any_mood(title: str, points: list[tuple[float, float, float, float]], numbers: list[int]) -> None:
    piece = [MoodPoint(at, mean, low, high) for at, mean, low, high in points]
    marks = [Mark(at, "1", mean, mean > 0) for at, mean, _, _ in points]
    decoded(mood(title, title, [piece], marks, numbers, [Tick(0.5, title[:9])]))


@settings(max_examples=8)
@given(text, st.lists(text, max_size=MOST_KINDS), st.lists(st.integers(0, 1_000), max_size=5))
def test_any_shares(title: str, kinds: list[str], totals: list[int]) -> None:
    columns = [Column(tuple([total] * len(kinds)), total) for total in totals]
    decoded(shares(title, title, kinds, columns, TICKS))


@settings(max_examples=8)
@given(text, st.lists(st.tuples(number, number, st.integers(0, 10**6)), max_size=60))
def test_any_latencies(title: str, minutes: list[tuple[float, float, int]]) -> None:
    p50, p95, answers = ([one[index] for one in minutes] for index in range(3))
    decoded(latency(title, title, p50, p95, [int(one) for one in answers]))
