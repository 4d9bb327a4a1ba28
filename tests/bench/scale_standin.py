"""A stand-in for a GPU: its forward passes sleep for as long as a GPU would compute, and cost no core.

Everything around it is the real thing: the worker with its threads, queue and batches, the tasks' requests and results.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, Preset
from bot.inference.heads.calibration import Calibrations
from bot.inference.limits import Limits
from bot.inference.operations import Budget, Operation, Row, TaskRun
from bot.inference.requests import LabelScore
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.worker import InferenceWorker
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult

NAME = "Sleeping stand-in"
TOKENS = 8
"""Of each row, for the batches' budget."""


@dataclass(frozen=True)
class Pace:
    """How long the stand-in sleeps.

    Attributes:
        forward: seconds of a forward pass, whatever its number of rows, as on a GPU that is not full.
        rows: the most in a batch.
        step: seconds of a decode step.
        loading: seconds of a load.
        calls: a file to which each row's text is appended when a device begins it; None for none.
    """

    forward: float = 0.05
    rows: int = 8
    step: float = 0.05
    loading: float = 0.0
    calls: Path | None = None


class SleepingHead:
    """A head that sleeps."""

    kind = HeadKind.CAUSAL_LM
    precision = "float32"
    precision_reason = "it is a stand-in"
    weight_bytes = 10
    parameters = 0
    context_length = 512
    tokenizer: Sequence[str] = ()

    def __init__(self, pace: Pace, device: Any) -> None:
        self.device = device
        self.calibrations = Calibrations()
        budget = Budget(TOKENS * pace.rows, rows=pace.rows)
        self.classify: Operation[str, float] = Operation("classify", self._classify, budget)
        self.write: Operation[tuple[str, int], int] = Operation("write", self._write, budget)
        self._pace = pace

    def _classify(self, rows: Sequence[Row[str]]) -> list[float]:
        self._note(row.inputs for row in rows)
        time.sleep(self._pace.forward)
        return [0.75 for _ in rows]

    def _write(self, rows: Sequence[Row[tuple[str, int]]]) -> list[int]:
        self._note(row.inputs[0] for row in rows)
        while writing := [row for row in rows if not row.is_ending and len(row.progress) < row.inputs[1]]:
            time.sleep(self._pace.step)
            for row in writing:
                row.progress.append(len(row.progress))
                row.heartbeat += 1
        return [len(row.progress) for row in rows]

    def _note(self, texts: Any) -> None:
        if self._pace.calls is not None:
            with self._pace.calls.open("a") as file:
                file.writelines(f"{os.getpid()} {text}\n" for text in texts)


def _sentiment(head: SleepingHead, request: SentimentRequest) -> TaskRun[SentimentResult]:
    [probability] = yield from head.classify([Row(request.text, TOKENS)])
    return SentimentResult((LabelScore("POSITIVE", probability), LabelScore("NEGATIVE", 1 - probability)), False)


def _generate(head: SleepingHead, request: GenerateRequest) -> TaskRun[GenerateResult]:
    [tokens] = yield from head.write([Row((request.prompt, request.max_new_tokens), TOKENS)])
    return _written(request, tokens)


def _preview(head: SleepingHead, request: GenerateRequest, ids: Sequence[Sequence[int]]) -> GenerateResult:
    return _written(request, len(ids[0]))


def _written(request: GenerateRequest, tokens: int) -> GenerateResult:
    whole = Continuation(" word" * tokens, tokens, finished=tokens == request.max_new_tokens)
    return GenerateResult(request.prompt, (whole,), request.seed, truncated=False)


TASKS: tuple[Task[Any], ...] = (
    Task("sentiment", SentimentRequest, {SleepingHead.kind: Implementation(_sentiment)}, repeatable=False),
    Task("generate", GenerateRequest, {SleepingHead.kind: Implementation(_generate, _preview)}, repeatable=False),
)


def sleeping_preset(*checkpoints: Sequence[str]) -> Preset:
    """Return a preset with a stand-in for each of these sequences of tasks; without any, one for all tasks."""
    tasks = checkpoints or (("sentiment", "generate"),)
    specs = {
        task: CheckpointSpec(f"{NAME} {number}", FolderSource(Path(f"/nowhere/{number}")))
        for number, names in enumerate(tasks)
        for task in names
    }
    return Preset("sleeping", "Sleeps", specs, known={})


@dataclass(frozen=True)
class OpenSleepingWorker:
    """Opens a worker whose devices sleep. Pickled."""

    preset: Preset
    limits: Limits
    pace: Pace

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[InferenceWorker]:
        import bot.inference.checkpoints.pool as pool
        from bot.inference.compute.device import Device

        def load(folder: Path, device: Device, *others: object) -> Any:
            time.sleep(self.pace.loading)
            return SleepingHead(self.pace, device)

        changed: Any = pool  # this process belongs to one replica
        changed.fetch = lambda spec, cache, report: cache
        changed.load_head = load
        devices = Device("cpu", "float32")
        loaded = pool.CheckpointPool(self.preset, devices, Path("/nowhere"))
        async with InferenceWorker(TASKS, loaded, devices, self.limits) as worker:
            yield worker
