"""How many people can be served: the search, and the whole measurement with tiny checkpoints."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from bot.__main__ import open_console
from bot.settings import Settings
from tests.bench.people import Aim
from tests.bench.sizing import Options, Size, Sizes, largest, size_all
from tests.timers import PATIENCE

PATIENT = Aim(pace=0.01, within=PATIENCE, seconds=0.1)
"""Every answer comes in time, so the search ends at the most people that are looked for."""
HASTY = Aim(pace=0.01, within=0.0, seconds=0.1)


def counting(real: int, tried: list[int]) -> Callable[[int], Any]:
    async def fits(people: int) -> bool:
        tried.append(people)
        return people <= real

    return fits


@pytest.mark.parametrize("real", [1, 2, 7, 100, 640, 5_000, 99_999])
@pytest.mark.parametrize("start", [0, 1, 90, 20_000, 10**9])
async def test_the_search_comes_within_a_tenth(real: int, start: int) -> None:
    tried: list[int] = []

    found = await largest(counting(real, tried), start, 100_000)

    assert found <= real <= max(found + 1, 1.1 * found + 1)
    assert len(tried) == len(set(tried)) <= 40


async def test_nobody_is_served_if_one_person_is_too_many() -> None:
    tried: list[int] = []
    assert await largest(counting(0, tried), 8, 100) == 0
    assert tried[-1] == 1


async def test_the_search_ends_at_the_most() -> None:
    tried: list[int] = []
    assert await largest(counting(10**9, tried), 3, 10) == 10
    assert tried == [3, 6, 10]


@pytest.mark.may_block
@pytest.mark.parametrize("task", ["sentiment", "generate"])
async def test_people_requests_at_once_and_times(
    settings: Settings, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    await size_all(settings, Options((task,), aim=PATIENT, most=3), True, open_console())

    [report] = json.loads(capsys.readouterr().out)["measured"]
    [size] = report["sizes"]
    assert (size["task"], size["people"]) == (task, 3)
    assert size["cores"] >= 1
    assert size["under_way"] > 0
    assert size["requests"] > 0
    assert size["rate"] == pytest.approx(size["requests"] / 0.1)
    assert 0 < size["p50_ms"] <= size["p95_ms"]


@pytest.mark.may_block
async def test_whoever_cannot_be_served_in_time_is_nobody(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await size_all(settings, Options(("fill",), aim=HASTY, most=3), True, open_console())

    [size] = json.loads(capsys.readouterr().out)["measured"][0]["sizes"]
    assert size["people"] == 0
    assert size["p95_ms"] > 0  # of one person who asks again and again


@pytest.mark.may_block
async def test_prints_a_table(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # of a terminal, not of a file

    await size_all(settings, Options(("sentiment",), aim=PATIENT, most=2), False, open_console())

    shown = capsys.readouterr()
    assert "95 of 100 answers come within 300 s" in shown.out
    [row] = [line for line in shown.out.splitlines() if line.startswith("│ /sentiment")]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[2] == "2"
    assert len(cells) == 7
    assert all(cells)
    assert "per core" in shown.out
    assert "sentiment: 2 people, " in shown.err


@pytest.mark.parametrize(("cores", "each", "share"), [(2, "core", "617"), (None, "GPU", "1,234")])
def test_people_per_core_or_per_gpu_are_whole_in_a_narrow_window(cores: int | None, each: str, share: str) -> None:
    about = "sentiment", "tiny", "sequence classifier", "cpu" if cores else "cuda:0", "bfloat16"
    size = Size(*about, 1_234, cores, 1_200, rate=20.0, under_way=7.5, p50_ms=321.0, p95_ms=1_987.6)
    window = io.StringIO()

    Console(file=window, width=40).print(Sizes((size,)).table())

    shown = window.getvalue()
    assert f"per {each}" in shown
    assert "…" not in shown
    for figure in (share, "1,234", "1,200", "20.0", "7.5", "321 / 1,988"):
        assert f" {figure} " in shown, figure
