"""Every fault of `python -m tests.faults`, made a few times."""

from __future__ import annotations

import asyncio
import io

import pytest
import typer
from rich.console import Console

from tests.faults.__main__ import main, show_table
from tests.faults.fault import Fault, NotPossible, all_faults
from tests.faults.making import Made, make_all
from tests.faults.tally import Tally


def _parameters() -> list[object]:
    faults = all_faults()
    return [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow else []) for one in faults]


@pytest.mark.parametrize("fault", _parameters())
async def test_nobody_is_lost_and_nobody_is_answered_twice(fault: Fault) -> None:
    try:
        tally = await fault.drive(fault.quick_times)
    except NotPossible as error:
        pytest.skip(str(error))
    assert tally.is_good, tally


def test_each_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in all_faults()]
    assert len(names) == len(set(names))


BAD = [Tally(), Tally(1, 2, once=1), Tally(1, 1, twice=1), Tally(1, 1, lost=1), Tally(1, 2, once=1, lost=1)]


@pytest.mark.parametrize("bad", BAD)
def test_a_tally_that_does_not_add_up_is_bad(bad: Tally) -> None:
    assert not bad.is_good
    assert not (bad + Tally(1, 1, 1)).is_good or bad == Tally()


def test_a_fault_that_is_not_there_is_not_good() -> None:
    with pytest.raises(typer.BadParameter):
        main(["no such fault"])


def test_a_row_that_breaks_off_is_reported_and_the_next_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    async def break_off(times: int) -> Tally:
        async with asyncio.TaskGroup():
            raise TimeoutError

    async def go_well(times: int) -> Tally:
        return Tally(times, 1, once=1)

    broken, good = make_all([Fault("a", "broken", break_off), Fault("b", "good", go_well)], quick=True)
    assert (broken.is_good, broken.tally, broken.broke) == (False, None, "TimeoutError")
    assert good.is_good
    assert "broke off with TimeoutError" in capsys.readouterr().err


def test_the_table_is_whole_in_a_narrow_window() -> None:
    async def nothing(times: int) -> Tally:
        return Tally()

    made = Made(Fault("a-name", "Something goes wrong.", nothing), Tally(1, 12_345, 12_344, 0, 1), 1.0)
    window = io.StringIO()
    show_table(Console(file=window, width=60, force_terminal=True, color_system=None), [made])
    shown = window.getvalue()
    assert "…" not in shown
    assert all(shown.count(digit) >= "12,34512,34401".count(digit) for digit in "12345")
