"""The whole benchmark, with tiny checkpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.__main__ import open_console
from bot.benchmark.comparison import naive_in, worker_at
from bot.benchmark.naive import naive
from bot.benchmark.workload import NEW_TOKENS, REQUESTS
from bot.errors import SettingsError
from bot.inference.operations import run_task
from bot.settings import Settings
from tests.bench.command import measure_all
from tests.bench.limit import direct_call, offline
from tests.bench.lineup import DIRECT, LIMIT, MANAGER, OWN, STATIC
from tests.bench.options import Options
from tests.bench.workload import Workload
from tests.support import COURSE

ROOT = Path(__file__).parents[2]
MEASURED = {task: COURSE[task] for task in REQUESTS}
CAUSAL = {task: "llama" for task in REQUESTS if task != "translate"}
CHECKPOINTS = [*MEASURED.items(), *CAUSAL.items()]


async def measured(settings: Settings, options: Options, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    await measure_all(settings, options, True, Console())
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["measured"]
    return found


@pytest.mark.may_block
@pytest.mark.parametrize("task", ["sentiment", "generate"])
async def test_the_worker_a_naive_bot_and_the_limit_side_by_side(
    settings: Settings, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(tasks=(task,), users=(1, 4), seconds=0.05, quick=True)

    [report] = await measured(settings, options, capsys)

    figures = {one["who"]: one for one in report["figures"]}
    assert list(figures) == [
        worker_at(1),
        DIRECT,
        naive_in("float32"),
        naive_in("float32", 4),
        worker_at(4),
        *([STATIC, MANAGER] if task == "generate" else []),
        OWN,
    ]
    for one in figures.values():
        assert one["requests"] >= 2
        assert one["failures"] == 0
        assert one["rate"] > 0
        assert (one["token_rate"] is not None) == (task == "generate")
    assert figures[worker_at(4)]["p95_ms"] >= figures[worker_at(4)]["p50_ms"] > 0
    assert figures[worker_at(4)]["batch"] >= 1
    assert report["memory_mb"] > 0
    assert all(0 < one["low"] <= one["value"] <= one["high"] for one in report["ratios"])
    limit = report["limit"].split(": ")[0]
    assert limit == OWN or (task == "generate" and limit in (STATIC, MANAGER))
    rivals = [name for name in figures if name not in (worker_at(1), DIRECT, worker_at(4), limit)]
    alone = f"{worker_at(1)} / {DIRECT}: time that the same text takes"
    # Drawn texts are compared where both are equally long, and in so short a run perhaps none are.
    found = {one["what"] for one in report["ratios"]} | ({alone} if task == "generate" else set())
    assert found == {alone, *(f"{worker_at(4)} / {rival}" for rival in [LIMIT, *rivals])}
    assert figures[worker_at(1)]["requests"] == figures[DIRECT]["requests"]


@pytest.mark.may_block
async def test_without_a_lone_user_there_is_no_direct_call(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(tasks=("sentiment",), users=(2,), requests=2, quick=True)

    [report] = await measured(settings, options, capsys)

    assert DIRECT not in [one["who"] for one in report["figures"]]


@pytest.mark.may_block
async def test_prints_tables(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await measure_all(
        settings, Options(tasks=("fill",), users=(1, 2), requests=4, quick=True), False, Console(width=120)
    )

    shown = capsys.readouterr()
    for words in ("/fill", "worker, 2 users", "loop lag", "All texts differ"):
        assert words in shown.out
    told = shown.err.splitlines()  # where standard error is no terminal
    assert "fill: warming up, 2 users" in told
    assert any(line.startswith("fill: round 1 of 1") for line in told)


@pytest.mark.may_block
async def test_tables_that_go_into_a_file_are_whole(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    options = Options(tasks=("fill",), users=(1, 2), requests=4, quick=True)

    await measure_all(settings, options, False, open_console())

    shown = capsys.readouterr().out
    assert "…" not in shown
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if "│" in line]
    [worker] = [row for row in rows if row[0] == worker_at(2)]
    assert len(worker) == 7  # req/s, ±, takes, loop lag, batch, pad
    assert all(worker)
    [direct] = [row for row in rows if row[0].startswith(f"{worker_at(1)} / {DIRECT}")]
    assert len(direct) == 3


@pytest.mark.slow
@pytest.mark.may_block
async def test_several_tasks_have_a_process_each(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options(tasks=("sentiment", "zeroshot"), users=(2,), requests=2, quick=True)

    reports = await measured(settings, options, capsys)

    assert [one["task"] for one in reports] == ["sentiment", "zeroshot"]


@pytest.mark.may_block
async def test_through_discord(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options(tasks=("sentiment", "generate"), users=(3,), seconds=0.05, quick=True, discord=True)

    for report in await measured(settings, options, capsys):
        assert (report["members"], report["failures"]) == (3, 0)
        assert report["answers"] >= 3
        assert 0 < report["acknowledged_p50_ms"] <= report["answered_p50_ms"]


@pytest.mark.parametrize(("task", "checkpoint"), CHECKPOINTS)
def test_everybody_can_answer(task: str, checkpoint: str, load: Callable[[str], Any]) -> None:
    workload, head = Workload(task), load(checkpoint)
    requests = workload.take(7)

    written = naive(workload.task, head)(requests[0])
    limit = offline(workload.task, head)
    written_together = limit.run(requests, limit.sizes[0])
    written_alone = direct_call(workload.task, head)(requests[0])

    assert (written is not None) == workload.generates(head.kind)
    if written is not None:
        assert 0 < written <= NEW_TOKENS
        assert written_together is not None
        assert written_alone is not None
        assert 0 < written_alone <= NEW_TOKENS
        assert written < written_together <= len(requests) * NEW_TOKENS


def test_translations_are_cut_off_and_counted(load: Callable[[str], Any]) -> None:
    workload, head = Workload("translate"), load("t5")

    for request in workload.take(3):
        run_task(workload.task.start(head, request))

    assert 0 < workload.tally.tokens <= 3 * NEW_TOKENS


def test_no_text_is_asked_about_twice() -> None:
    workload = Workload("sentiment")
    taken = [*workload.take(7), *workload.take(25), *workload.take(10)]
    assert len(taken) == len(set(taken)) == 42


@pytest.mark.parametrize(
    "wrong",
    [
        {"discord": True, "soak": 1_000},
        {"beside": "http://127.0.0.1:8080", "tasks": ("sentiment",)},
        {"beside": "http://127.0.0.1:8080", "soak": 1_000},
        {"beside": "http://127.0.0.1:8080", "discord": True},
        {"beside": "127.0.0.1:8080"},
        {"beside": "http://"},
        {"beside": "http://[::1"},
    ],
)
def test_what_cannot_be_measured_together_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"--beside|--soak"):
        Options(**wrong)


def test_usual_users_are_fewer_for_slow_tasks() -> None:
    assert (Options().users_of("sentiment"), Options().users_of("generate")) == ((1, 8, 64), (1, 8, 16, 64))
    assert Options(soak=100).users_of("generate") == (16,)
    assert Options(discord=True).users_of("fill") == (200,)
    assert Options(users=(3,), soak=100).users_of("fill") == (3,)


def test_has_the_options_of_every_measurement() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    for option in (
        "--preset",
        "--shapes",
        "--tasks",
        "--users",
        "--requests",
        "--discord",
        "--beside",
        "--engines",
        "--soak",
    ):
        assert option in done.stdout
