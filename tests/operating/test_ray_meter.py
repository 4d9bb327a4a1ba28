"""A worker's metrics through Ray. That Ray exports them is for the tests of its cluster."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import QueueFull
from bot.operating.worker_metrics import WorkerMetrics


@pytest.mark.may_block
def test_all_that_a_worker_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = pytest.importorskip("ray.util.metrics")
    from bot.operating.ray_meter import RayMeter

    recorded: list[tuple[str, float, Any]] = []
    record = metrics.Metric._record

    def recording(metric: Any, value: float, tags: Any = None) -> None:
        record(metric, value, tags)  # checks the tags
        recorded.append((metric.info["name"], value, tags))

    monkeypatch.setattr(metrics.Metric, "_record", recording)
    observer = WorkerMetrics(RayMeter())
    observer.batch("classify", [3, 5], [0.1, 0.2])
    observer.answered("sentiment", 0.5, None)
    observer.answered("sentiment", 0.0, QueueFull(1))
    observer.loaded("tiny", 2.0)
    observer.not_loaded("tiny")
    of, by, at = {"operation": "classify"}, {"task": "sentiment"}, {"checkpoint": "tiny"}
    assert recorded == [
        ("glassbox_worker_queue_wait_seconds", 0.1, of),
        ("glassbox_worker_queue_wait_seconds", 0.2, of),
        ("glassbox_worker_batch_rows", 2, of),
        ("glassbox_worker_batch_tokens", 10, of),
        ("glassbox_worker_answers", 1, {**by, "outcome": "answered", "reason": ""}),
        ("glassbox_worker_answer_seconds", 0.5, by),
        ("glassbox_worker_answers", 1, {**by, "outcome": "refused", "reason": "queue_full"}),
        ("glassbox_checkpoint_load_seconds", 2.0, at),
        ("glassbox_checkpoint_load_failures", 1, at),
    ]
