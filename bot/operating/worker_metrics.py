"""Metrics of a worker that it tells of itself (see `bot.inference.observer`)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.endings import ending_of
from bot.inference.observer import Observer
from bot.operating.meter import Meter

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
LOADING_SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
ROWS = (1, 2, 4, 8, 16, 32, 64)
TOKENS = (16, 64, 256, 1024, 4096, 16_384)


class WorkerMetrics(Observer):
    """Counts answers, and measures waits, batches and loads."""

    def __init__(self, meter: Meter) -> None:
        by_operation, by_checkpoint = ("operation",), ("checkpoint",)
        self._answers = meter.counter(
            "glassbox_worker_answers", "Requests that have ended at the worker.", ("task", "outcome", "reason")
        )
        self._answer_seconds = meter.histogram(
            "glassbox_worker_answer_seconds", "From a request's submission to its answer.", ("task",), SECONDS
        )
        self._waits = meter.histogram(
            "glassbox_worker_queue_wait_seconds", "How long a row waits for a device.", by_operation, SECONDS
        )
        self._rows = meter.histogram("glassbox_worker_batch_rows", "Rows new to a batch.", by_operation, ROWS)
        self._tokens = meter.histogram(
            "glassbox_worker_batch_tokens", "Tokens of these rows, padding included.", by_operation, TOKENS
        )
        self._loads = meter.histogram(
            "glassbox_checkpoint_load_seconds", "From the disk to the devices.", by_checkpoint, LOADING_SECONDS
        )
        self._failed_loads = meter.counter(
            "glassbox_checkpoint_load_failures", "Checkpoints that could not be fetched or loaded.", by_checkpoint
        )

    def batch(self, operation: str, lengths: Sequence[int], waits: Sequence[float]) -> None:
        self._waits(waits, operation)
        self._rows((len(lengths),), operation)
        self._tokens((max(lengths) * len(lengths),), operation)

    def answered(self, task: str, seconds: float, error: BaseException | None) -> None:
        self._answers(task, *ending_of(error))
        if error is None:
            self._answer_seconds((seconds,), task)

    def loaded(self, checkpoint: str, seconds: float) -> None:
        self._loads((seconds,), checkpoint)

    def not_loaded(self, checkpoint: str) -> None:
        self._failed_loads(checkpoint)
