"""The whole benchmark, with tiny checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from bot.benchmark.contest import DIRECT, LIMIT, naive_in, worker_at
from bot.benchmark.corpus import Corpus
from bot.benchmark.limit import offline
from bot.benchmark.naive import naive
from bot.benchmark.workload import NEW_TOKENS, Workload
from bot.commands.bench import Options, measure_all, numbers, task_names
from bot.errors import SettingsError
from bot.inference.steps import run_steps
from bot.inference.task import HeadKind
from bot.settings import Settings
from tests.support import COURSE

CAUSAL = {task: "llama" for task in COURSE if task != "translate"}
CHECKPOINTS = [*COURSE.items(), *CAUSAL.items()]


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
        LIMIT,
    ]
    for one in figures.values():
        assert one["requests"] >= 2
        assert one["failures"] == 0
        assert one["rate"] > 0
        assert (one["token_rate"] is not None) == (task == "generate")
    assert figures[worker_at(4)]["p95_ms"] >= figures[worker_at(4)]["p50_ms"] > 0
    assert figures[worker_at(4)]["batch"] >= 1
    assert report["memory_mb"] > 0
    assert all(ratio["value"] > 0 for ratio in report["ratios"])


@pytest.mark.may_block
async def test_prints_tables(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await measure_all(
        settings, Options(tasks=("fill",), users=(1, 2), requests=4, quick=True), False, Console(width=120)
    )

    shown = capsys.readouterr().out
    for words in ("/fill", "worker, 2 users", "loop lag", "All texts differ"):
        assert words in shown


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
    workload, head = Workload(task, Corpus()), load(checkpoint)
    requests = workload.take(7)

    written = naive(workload.task, head)(requests[0])
    limit = offline(workload.task, head)
    written_together = limit.run(requests, limit.sizes[0])

    assert (written is not None) == workload.generates(head.kind)
    if written is not None:
        assert 0 < written <= NEW_TOKENS
        assert written_together is not None
        assert written < written_together <= len(requests) * NEW_TOKENS


def test_translations_are_cut_off_and_counted(load: Callable[[str], Any]) -> None:
    workload, head = Workload("translate", Corpus()), load("t5")

    for request in workload.take(3):
        run_steps(workload.task.ways[HeadKind.SEQ2SEQ_LM](head, request))

    assert 0 < workload.tally.tokens <= 3 * NEW_TOKENS


def test_no_text_is_asked_about_twice() -> None:
    workload = Workload("sentiment", Corpus())
    taken = [*workload.take(7), *workload.take(25), *workload.take(10)]
    assert len(taken) == len(set(taken)) == 42


def test_users_and_tasks_are_lists() -> None:
    assert numbers("64, 1,8") == (1, 8, 64)
    assert task_names("fill, Sentiment") == ("fill", "sentiment")
    assert (numbers(""), task_names("")) == ((), ())
    for wrong in ("many", "0", "1,-2", "5000"):
        with pytest.raises(SettingsError, match="--users"):
            numbers(wrong)
    with pytest.raises(SettingsError, match="guess"):
        task_names("guess")
