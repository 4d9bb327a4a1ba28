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

from bot.errors import Unanswered
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
EARLY = "ended early: "
"""Noted before a text that was stopped or given up."""
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
        loads: a file that gets a line for each load.
    """

    forward: float = 0.05
    rows: int = 8
    step: float = 0.05
    loading: float = 0.0
    calls: Path | None = None
    loads: Path | None = None


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
        self.write: Operation[tuple[str, int], int] = Operation.iterative("write", lambda alone: Writing(self), budget)
        self.pace = pace

    def _classify(self, rows: Sequence[Row[str]]) -> list[float]:
        self.note(row.inputs for row in rows)
        time.sleep(self.pace.forward)
        return [0.75 for _ in rows]

    def note(self, texts: Any) -> None:
        if self.pace.calls is not None:
            with self.pace.calls.open("a") as file:
                file.writelines(f"{os.getpid()} {text}\n" for text in texts)


class Writing:
    """A running batch of the stand-in, which others join: see `Session`."""

    joinable = True

    def __init__(self, head: SleepingHead) -> None:
        self._head = head
        self._rows: list[Row[tuple[str, int]]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, rows: Sequence[Row[tuple[str, int]]]) -> None:
        self._head.note(row.inputs[0] for row in rows)
        self._rows += rows

    def step(self) -> None:
        time.sleep(self._head.pace.step)
        for row in self._rows:
            if not row.is_ending:
                row.progress.append(len(row.progress))

    def leave(self) -> list[tuple[Row[tuple[str, int]], int | Unanswered]]:
        ended = [row for row in self._rows if row.is_ending or len(row.progress) >= row.inputs[1]]
        self._rows = [row for row in self._rows if row not in ended]
        self._head.note(f"{EARLY}{row.inputs[0]}" for row in ended if row.is_ending)
        return [(row, len(row.progress)) for row in ended]


def answer_sentiment(head: SleepingHead, request: SentimentRequest) -> TaskRun[SentimentResult]:
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
    Task("sentiment", SentimentRequest, {SleepingHead.kind: Implementation(answer_sentiment)}, repeatable=False),
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
    """Opens a worker whose devices sleep. Pickled.

    Attributes:
        held: how many checkpoints a device holds; None for all.
    """

    preset: Preset
    limits: Limits
    pace: Pace
    held: int | None = None
    tasks: tuple[Task[Any], ...] = TASKS

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[InferenceWorker]:
        import bot.inference.checkpoints.pool as pool
        from bot.inference.checkpoints.memory_limit import MemoryLimits
        from bot.inference.compute.device import Device

        def load(folder: Path, device: Device, *others: object) -> Any:
            if self.pace.loads is not None:
                with self.pace.loads.open("a") as file:
                    file.write(f"{folder}\n")
            time.sleep(self.pace.loading)
            return SleepingHead(self.pace, device)

        changed: Any = pool  # this process belongs to one replica
        changed.fetch = lambda spec, cache, report: cache
        changed.load_head = load
        changed.expected_bytes = lambda folder, element: SleepingHead.weight_bytes
        devices = Device("cpu", "float32")
        room = MemoryLimits({} if self.held is None else {"cpu": self.held * SleepingHead.weight_bytes})
        loaded = pool.CheckpointPool(self.preset, devices, Path("/nowhere"), room)
        async with InferenceWorker(self.tasks, loaded, devices, self.limits) as worker:
            yield worker
