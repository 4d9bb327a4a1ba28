from __future__ import annotations

import pytest

from bot.pictures.palette import ACCENT, FAINT
from bot.pictures.picture import ALT_LIMIT
from bot.pictures.shares import MOST_ROWS, Estimate, Row, shares
from tests.pictures.support import count, decoded

SERIES = ("right", "found")


def row(label: str, low: float = 0.2, high: float = 0.9) -> Row:
    return Row(label, (Estimate(5, 10, low, high), Estimate(0, 0, 0.0, 1.0)))


def test_shares_are_said_with_their_cases_and_intervals() -> None:
    picture = shares([row("bug")], SERIES, "Tags that fit")

    decoded(picture)
    assert picture.alt == "Tags that fit. bug: right 50 % of 10 (20 to 90 %), found no cases."


def test_a_wider_interval_is_drawn_longer() -> None:
    wide, narrow = (count(shares([row("bug", *ends)], SERIES, ""), FAINT) for ends in ((0.0, 1.0), (0.4, 0.6)))

    assert wide > 3 * narrow


def test_without_cases_there_is_no_mark() -> None:
    some, none = ([Row("bug", (Estimate(hits, cases, 0.0, 1.0),))] for hits, cases in ((1, 1), (0, 0)))

    assert count(shares(some, ["right"], ""), ACCENT) > count(shares(none, ["right"], ""), ACCENT) + 100


@pytest.mark.parametrize("label", ["", "🎉", "بلاغ عن خطأ", "界" * 40, "a\nb\u202e"])
def test_any_label(label: str) -> None:
    decoded(shares([row(label)] * 3, SERIES, label))


def test_many_rows_are_cut() -> None:
    picture = shares([row(f"tag {number}") for number in range(30)], SERIES, "Tags that fit", "A note")

    assert len(picture.alt) <= ALT_LIMIT
    assert picture.height < shares([row("a")] * MOST_ROWS, SERIES, "Tags that fit", "A note").height + 100
