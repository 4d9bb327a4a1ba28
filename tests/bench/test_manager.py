"""transformers' own continuous batching as a contender."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console
from transformers.generation.continuous_batching.continuous_api import ContinuousMixin

from bot.benchmark.workload import NEW_TOKENS
from bot.inference.checkpoints.loading import load_head
from bot.settings import Settings
from bot.tasks.generate import GenerateRequest
from tests.bench.command import measure_all
from tests.bench.lineup import MANAGER
from tests.bench.manager import ManagerUnusable, TransformersManager
from tests.bench.options import Options
from tests.bench.workload import Workload
from tests.support import CPU

PROBE = GenerateRequest("Hello", max_new_tokens=3)

pytestmark = pytest.mark.may_block


async def test_answers_everybody_in_several_turns(checkpoints: Any) -> None:
    head: Any = load_head(checkpoints["llama"], CPU)
    workload = Workload("generate")
    manager = await TransformersManager.open(head, 4, PROBE)
    try:
        runs = [await manager.run(workload.take(12)) for _ in range(2)]
    finally:
        await manager.aclose()

    for run in runs:
        assert (run.requests, run.failures, len(run.latencies)) == (12, 0, 12)
        assert run.tokens is not None
        assert 0 < run.tokens <= 12 * NEW_TOKENS
    assert not hasattr(head.model, "_cached_continuous_batching_manager")


async def test_a_checkpoint_that_it_cannot_run_is_told(checkpoints: Any) -> None:
    head: Any = load_head(checkpoints["llama"], CPU)
    head.model.config._attn_implementation = "flex_attention"
    with pytest.raises(ManagerUnusable, match="ValueError"):
        await TransformersManager.open(head, 2, PROBE)


async def test_a_failure_on_its_thread_is_told(checkpoints: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    head: Any = load_head(checkpoints["llama"], CPU)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(head.model.model, "forward", fail)
    with pytest.raises(ManagerUnusable, match="no answer"):
        await TransformersManager.open(head, 2, PROBE)


async def test_is_left_out_where_it_cannot_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(ContinuousMixin, "init_continuous_batching")
    await measure_all(settings, Options(tasks=("generate",), users=(2,), requests=4, quick=True), True, Console())

    [report] = json.loads(capsys.readouterr().out)["measured"]
    assert MANAGER not in [one["who"] for one in report["figures"]]
    assert f"Left out: {MANAGER} cannot run this checkpoint (AttributeError)." in report["notes"]
