"""Memory over many requests, and the line through it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from rich.console import Console

from bot.settings import Settings
from tests.bench.command import measure_all
from tests.bench.growth import growth
from tests.bench.options import Options
from tests.bench.soak import SAMPLES, sparkline

MB = 1_000_000


def samples(memory: Callable[[int], float]) -> list[tuple[int, int]]:
    return [(at, round(memory(at))) for at in range(0, 20_001, 200)]


def walk(state: random.Random, step: float) -> Callable[[int], float]:
    """Memory that goes up and down by chance, and remembers where it was."""
    level = 500.0 * MB

    def memory(requests: int) -> float:
        nonlocal level
        level += state.gauss(0, step)
        return level

    return memory


def test_a_leak_is_told_and_how_large_it_is() -> None:
    state = random.Random(0)
    found = growth(samples(lambda at: 500 * MB + 1_000 * at + state.gauss(0, MB)))

    assert found.verdict == "it grows"
    assert found.bytes_per_request == pytest.approx(1_000, abs=found.margin)
    assert found.requests == 18_000
    assert found.bytes == pytest.approx(18 * MB, rel=0.1)
    assert found.noise == pytest.approx(MB, rel=0.3)


def test_what_fills_up_at_the_beginning_is_no_leak() -> None:
    found = growth(samples(lambda at: 500 * MB + 20_000 * min(at, 2_000)))

    assert (found.verdict, found.bytes, found.noise) == ("no growth that can be told from noise", 0, 0)


def test_chance_is_no_leak() -> None:
    state = random.Random(0)
    verdicts = [growth(samples(walk(state, 0.1 * MB))).verdict for _ in range(100)]
    assert verdicts.count("no growth that can be told from noise") >= 45


def test_a_little_is_no_object_of_each_request() -> None:
    assert growth(samples(lambda at: 500 * MB + 7 * at)).verdict == "it grows by less than one object a request"


def test_what_is_given_back_shrinks() -> None:
    assert growth(samples(lambda at: 500 * MB - 1_000 * at)).verdict == "it shrinks"


def test_two_samples_are_too_few() -> None:
    with pytest.raises(ValueError, match="three samples"):
        growth([(0, 1), (100, 1)])


def test_sparkline() -> None:
    assert sparkline([1.0, 2.0, 3.0, 8.0]) == "▁▂▃█"
    assert sparkline([5.0, 5.0]) == "▁▁"


@pytest.mark.may_block
async def test_watches_the_worker_and_prints_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await measure_all(settings, Options(tasks=("sentiment",), users=(8,), soak=210), True, Console())

    [report] = json.loads(capsys.readouterr().out)["measured"]
    assert (report["task"], report["users"], report["failures"]) == ("sentiment", 8, 0)
    counted = [one["requests"] for one in report["samples"]]
    assert counted == [0, *range(3, 211, 3)]
    assert len(counted) <= SAMPLES + 1
    assert all(one["memory"]["process"] > 50 * MB for one in report["samples"])
    assert report["growth"]["requests"] == 189
    assert report["growth"]["verdict"]


@pytest.mark.may_block
async def test_prints_a_curve(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await measure_all(settings, Options(tasks=("fill",), users=(2,), soak=100), False, Console(width=120))

    shown = " ".join(capsys.readouterr().out.split())  # long lines are wrapped
    for words in ("/fill", "100 requests of 2 users", "since the start", "after the first tenth", "bytes a request"):
        assert words in shown
