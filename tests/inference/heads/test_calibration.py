from __future__ import annotations

import pytest

from bot.inference.heads.calibration import Calibration, Calibrations

ANCHORS: Calibration[list[float]] = Calibration("anchors")
OTHERS: Calibration[list[float]] = Calibration("anchors")


def test_is_measured_once() -> None:
    calibrations = Calibrations()
    assert calibrations.get(ANCHORS) is None
    first = calibrations.measured(ANCHORS, lambda: [1.0])
    assert calibrations.measured(ANCHORS, lambda: [2.0]) is first is calibrations[ANCHORS]


def test_keys_of_one_name_are_two_keys() -> None:
    calibrations = Calibrations()
    calibrations[ANCHORS] = [1.0]
    assert OTHERS not in calibrations
    with pytest.raises(KeyError):
        calibrations[OTHERS]


@pytest.mark.parametrize("before", [None, [1.0]])
def test_another_outcome_for_a_while(before: list[float] | None) -> None:
    calibrations = Calibrations()
    if before is not None:
        calibrations[ANCHORS] = before
    with calibrations.replaced(ANCHORS, [2.0]):
        assert calibrations[ANCHORS] == [2.0]
    assert calibrations.get(ANCHORS) is before
