"""`python -m bot bench` with tiny checkpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from bot.benchmark.comparison import naive_in, worker_at
from bot.benchmark.options import Options, numbers, task_names
from bot.commands.bench import compare_all
from bot.errors import SettingsError
from bot.settings import Settings


async def compared(settings: Settings, options: Options, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    await compare_all(settings, options, True, Console())
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["measured"]
    return found


@pytest.mark.may_block
@pytest.mark.parametrize(
    "task",
    [
        "sentiment",
        "generate",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("fill", "zeroshot", "translate")),
    ],
)
async def test_the_worker_beside_a_naive_bot(
    settings: Settings, task: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 12)  # random models never end a text by themselves
    bfloat16 = settings.model_copy(update={"precision": "bfloat16"})
    [report] = await compared(bfloat16, Options((task,), (1, 4), seconds=0.02, quick=True), capsys)

    figures = {one["who"]: one for one in report["figures"]}
    workers, rivals = [worker_at(1), worker_at(4)], [naive_in("bfloat16"), naive_in("float32")]
    assert list(figures) == [*workers, *rivals]
    for one in figures.values():
        assert one["requests"] >= 2
        assert one["failures"] == 0
        assert one["rate"] > 0
        assert one["p95_ms"] >= one["p50_ms"] > 0
    counted = {name for name, one in figures.items() if one["token_rate"]}
    assert counted == ({*figures} if task == "generate" else set())
    assert report["memory_mb"] > 0
    assert report["device_memory_mb"] is None


@pytest.mark.may_block
async def test_prints_tables(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options(("sentiment",), (2,), seconds=0.02, quick=True)
    await compare_all(settings, options, False, Console(width=120))

    shown = capsys.readouterr()
    for words in (
        "/sentiment",
        "worker, 2 users",
        "naive float32",
        "times",
        "The bot alone",
        "req/s",
        "All texts differ",
    ):
        assert words in shown.out
    told = shown.err.splitlines()  # standard error isn't a terminal here
    assert any(line.startswith("sentiment: round 1 of 1") for line in told)


@pytest.mark.slow
@pytest.mark.may_block
async def test_several_tasks_have_a_process_each(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options(("sentiment", "zeroshot"), (2,), seconds=0.02, quick=True)
    assert [one["task"] for one in await compared(settings, options, capsys)] == ["sentiment", "zeroshot"]


def test_usual_users_are_fewer_if_it_must_be_quick() -> None:
    assert (Options().users_of("sentiment"), Options().users_of("generate")) == ((1, 8, 64), (1, 8, 16, 64))
    assert Options(quick=True).users_of("generate") == (1, 8)
    assert Options(users=(3,)).users_of("fill") == (3,)


def test_runs_have_whole_blocks_and_some_requests_for_every_user() -> None:
    effort = Options().effort
    assert [effort.number(wanted, users) for wanted, users in ((1, 1), (29, 1), (31, 1), (31, 64))] == [20, 20, 40, 200]
    assert Options(quick=True).effort.number(29, 64) == 64


def test_users_and_tasks_are_lists() -> None:
    assert numbers("64, 1,8") == (1, 8, 64)
    assert task_names("fill, Sentiment") == ("fill", "sentiment")
    assert (numbers(""), task_names("")) == ((), ())
    for wrong in ("many", "0", "1,-2", "5000"):
        with pytest.raises(SettingsError, match="--users"):
            numbers(wrong)
    with pytest.raises(SettingsError, match="guess"):
        task_names("guess")
