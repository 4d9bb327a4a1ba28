"""Contenders are tried in all their settings and batch sizes, and only the best stays open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.settings import Settings
from tests.bench.encoding import Requests
from tests.bench.engines import entrants
from tests.bench.engines.engine import Engine
from tests.bench.limit import Offline
from tests.bench.lineup import OWN
from tests.bench.options import Effort, Options
from tests.bench.test_bench import measured
from tests.bench.tuning import tuned
from tests.bench.workload import Workload

ROUGH = Effort(seconds=0.01, rounds=1, rough=True)


class Doors:
    """An engine's settings as they are opened and closed.

    Args:
        broken: the way that fails when it runs.
    """

    def __init__(self, broken: str | None = None) -> None:
        self.open: list[str] = []
        self.opened: list[str] = []
        self.sizes: set[int] = set()
        self._broken = broken

    @contextmanager
    def entered(self, way: str) -> Iterator[Offline]:
        def run(requests: Requests, size: int) -> None:
            assert way in self.open
            if way == self._broken:
                raise RuntimeError("no kernel for this")
            self.sizes.add(size)

        self.open.append(way)
        self.opened.append(way)
        yield Offline(run, (1, 4, 8))
        self.open.remove(way)

    @property
    def engine(self) -> Engine:
        return Engine("Some engine", "float32", ("one", "two", "three"), self.entered)


@pytest.mark.may_block
async def test_all_are_tried_and_the_losers_closed() -> None:
    doors, said = Doors(), list[str]()

    best = await tuned(doors.engine, Workload("sentiment"), ROUGH, said.append)

    assert doors.opened == ["one", "two", "three"]
    [way] = doors.open
    assert best.about.startswith(f"{way}, batches of {best.contender.size} request")
    assert doors.sizes == {1, 4, 8}
    assert best.contender.size in doors.sizes
    assert best.rate > 0
    assert "sentiment: Some engine, two" in said
    assert {"sentiment: Some engine in batches of 1 request", "sentiment: Some engine in batches of 4 requests"} < set(
        said
    )
    await best.contender.aclose()
    assert doors.open == []


@pytest.mark.may_block
@pytest.mark.parametrize("broken", ["one", "two", "three"])
async def test_nothing_stays_open_if_one_fails(broken: str) -> None:
    doors = Doors(broken)
    with pytest.raises(RuntimeError, match="no kernel"):
        await tuned(doors.engine, Workload("sentiment"), ROUGH, lambda line: None)
    assert doors.open == []


@pytest.mark.may_block
@pytest.mark.parametrize("broken", [None, "two"])
async def test_an_engine_takes_part_or_is_named_with_its_fault(
    broken: str | None, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = Doors(broken)
    monkeypatch.setattr("tests.bench.lineup.offline_engines", lambda *arguments: iter([doors.engine]))
    options = Options(tasks=("sentiment",), users=(2,), requests=2, quick=True, engines=(entrants.OPENVINO,))

    [report] = await measured(settings, options, capsys)

    names = [one["who"] for one in report["figures"]]
    left_out = "Left out: Some engine cannot run this checkpoint (RuntimeError)."
    assert (names[-1] == "Some engine") is (broken is None)
    assert (left_out in report["notes"]) is (broken is not None)
    assert names[-2 if broken is None else -1] == OWN
    rates = {one["who"]: one["rate"] for one in report["figures"] if one["who"] in (OWN, "Some engine")}
    # It computes nothing, and yet a pause of the machine may make it the slower one.
    assert report["limit"].split(": ")[0] == max(rates, key=rates.__getitem__)
    assert doors.open == []


@pytest.mark.may_block
async def test_what_is_missing_and_who_differs_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in entrants.MODULES:
        monkeypatch.setitem(entrants.MODULES, name, ("a_module_that_nobody_has",))
    options = Options(tasks=("sentiment",), users=(2,), requests=2, quick=True, engines=tuple(entrants.ENGINES))

    [report] = await measured(settings, options, capsys)

    assert report["notes"] == [
        'OpenVINO and ONNX Runtime are not installed, so the limit is without: pip install -e ".[engines]"',
        f"Answers that are not the checkpoint's in float32, of 100 (2 different ones): {OWN} 0.",
    ]
