"""Each target, with a few inputs; `python -m tests.fuzz` tries more."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.choices import Choices, written
from tests.fuzz.seeds import INPUTS, seeds
from tests.fuzz.target import all_names, find_target


@pytest.mark.parametrize("name", all_names())
def test_a_few_inputs(name: str) -> None:
    target = find_target(name)

    @given(INPUTS)
    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    def holds(data: bytes) -> None:
        target(Choices(data))

    holds()
    for data in list(seeds())[::9]:
        target(Choices(data))


def test_an_input_is_read_as_it_was_written() -> None:
    choices = Choices(written([7, 1, 0, 1, 0, 0], "a\ud800", "é", b"\x80"))
    assert (choices.number(0, 9), choices.flag(), choices.number(0, 1000), choices.number(3, 9)) == (7, True, 256, 3)
    assert (choices.text(), choices.texts()) == ("a\ud800", ["é", "\udc80"])
    assert choices.text() == ""
