"""Inputs by hypothesis, which does not look at what they reach: where atheris is not installed."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings

from tests.fuzz.choices import Choices
from tests.fuzz.outcome import Outcome
from tests.fuzz.seeds import INPUTS, seeds

ROUND = 500
"""Inputs between two looks at the clock."""


def tried(target: Callable[[Choices], None], seconds: float) -> Outcome:
    """Try inputs for some seconds, or until one fails."""
    count = 0
    end = time.perf_counter() + seconds

    @given(INPUTS)
    @settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def round_of_inputs(data: bytes) -> None:
        nonlocal count
        count += 1
        target(Choices(data))

    try:
        for data in seeds():
            count += 1
            target(Choices(data))
        while time.perf_counter() < end:
            round_of_inputs()
    except Exception as error:
        return Outcome(count, None, f"{type(error).__name__}: {error}")
    return Outcome(count, None, "")
