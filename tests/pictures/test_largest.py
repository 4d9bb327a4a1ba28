"""The largest pictures keep what is promised of all. `python -m tests.pictures.largest` has the figures."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bot.pictures.picture import Picture
from tests.pictures.largest import SCRIPTS, largest
from tests.pictures.support import decoded

LONGEST_MS = 400


@pytest.mark.parametrize(("kind", "draw"), [pytest.param(*one, id=one[0]) for one in largest("mixed")])
def test_the_largest_of_each_kind_is_drawn_in_time(kind: str, draw: Callable[[], Picture]) -> None:
    decoded(draw())

    assert min(_milliseconds(draw) for _ in range(3)) < LONGEST_MS, kind


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_full_picture_is_small_in_every_script(script: str) -> None:
    decoded(dict(largest(script))["written text"]())


def _milliseconds(draw: Callable[[], Picture]) -> float:
    """The processor's time, which is what passes on a machine of its own: the clock counts other people's work."""
    began = time.thread_time()
    draw()
    return (time.thread_time() - began) * 1_000
