"""`python -m tests.bench.batch_invariance`: do numbers depend on the other rows of a batch, and what does it cost?

Requests are answered one by one and in batches, with batch-invariant forward passes and with usual ones, padded to the
longest row. Printed: how far probabilities moved, how many labels changed, and the ratio of the times of both kinds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
import typer

from bot.app import chosen_preset
from bot.benchmark.report import Machine
from bot.inference.checkpoints.loading import load_head
from bot.inference.checkpoints.sources import fetch
from bot.inference.checkpoints.sources.progress import Silent
from bot.inference.compute.device import Device
from bot.inference.heads.head import Head
from bot.inference.heads.invariance.batch_invariance import BatchInvariance, forced
from bot.inference.operations import OperationCall, TaskRun, run_task
from bot.settings import Settings
from bot.tasks.fill import FillResult
from tests.bench.workload import Workload

TASKS = ("sentiment", "zeroshot", "fill")


@dataclass(frozen=True)
class Moved:
    """The difference that batches made.

    Attributes:
        by: the largest change of a number.
        answers: how many answers have any other number.
        labels: how many answers have another first label.
        asked: how many answers were compared.
    """

    by: float
    answers: int
    labels: int
    asked: int


def answers_of(runs: Sequence[TaskRun[Any]]) -> list[Any]:
    """Return the results of task runs whose rows share batches, as the worker forms them."""
    results: dict[int, Any] = {}
    sent: dict[int, Any] = dict.fromkeys(range(len(runs)))
    while sent:
        calls: dict[int, OperationCall] = {}
        for index, outputs in sent.items():
            try:
                calls[index] = runs[index].send(outputs)
            except StopIteration as end:
                results[index] = end.value
        sent = {index: [None] * len(call.rows) for index, call in calls.items()}
        for operation in {call.operation: None for call in calls.values()}:
            rows = [
                (index, at, row)
                for index, call in calls.items()
                if call.operation is operation
                for at, row in enumerate(call.rows)
            ]
            for batch in operation.budget.split([row.tokens for _, _, row in rows]):
                chosen = [rows[one] for one in batch]
                for (index, at, _), output in zip(chosen, operation.run([row for _, _, row in chosen]), strict=True):
                    sent[index][at] = output
    return [results[index] for index in range(len(runs))]


def moved(alone: Sequence[Any], together: Sequence[Any]) -> Moved:
    """Compare results of the same requests."""
    pairs = list(zip(alone, together, strict=True))
    by = [_difference(_numbers(one), _numbers(other)) for one, other in pairs]
    labels = sum(_label(one) != _label(other) for one, other in pairs)
    return Moved(max(by), sum(one > 0 for one in by), labels, len(pairs))


def _numbers(result: Any) -> dict[str, float]:
    """Return probabilities by label, or by word of a mask."""
    if isinstance(result, FillResult):
        return {f"{at} {guess.word}": guess.probability for at, mask in enumerate(result.masks) for guess in mask}
    return {score.label: score.probability for score in result.scores}


def _label(result: Any) -> tuple[str, ...]:
    return tuple(score.label for score in result.headline)


def _difference(some: dict[str, float], others: dict[str, float]) -> float:
    """Return the largest difference; a word that only one of them has differs by its probability."""
    return max(abs(some.get(name, 0.0) - others.get(name, 0.0)) for name in {*some, *others})


def measure(head: Head, task: str, asked: int, rounds: int) -> tuple[dict[BatchInvariance, Moved], float, float]:
    """Return what batches change with either kind of pass, and our time divided by the usual, alone and in batches."""
    workload = Workload(task, seed=1)
    requests, start = workload.take(asked), workload.task.start
    with torch.inference_mode():
        ours: BatchInvariance = head.batch_invariance  # type: ignore[attr-defined]
    moves, lone, crowd = {}, list[float](), list[float]()
    for invariance in (ours, BatchInvariance.PADDED):
        with forced(head, invariance):
            run_task(start(head, requests[0]))
            alone = [run_task(start(head, request)) for request in requests]
            moves[invariance] = moved(alone, answers_of([start(head, request) for request in requests]))
    for turn in range(rounds):
        seconds: dict[BatchInvariance, tuple[float, float]] = {}
        for invariance in (ours, BatchInvariance.PADDED) if turn % 2 else (BatchInvariance.PADDED, ours):
            with forced(head, invariance):
                began = time.perf_counter()
                run_task(start(head, requests[turn % asked]))
                between = time.perf_counter()
                answers_of([start(head, request) for request in requests])
                seconds[invariance] = between - began, time.perf_counter() - between
        lone.append(seconds[ours][0] / seconds[BatchInvariance.PADDED][0])
        crowd.append(seconds[ours][1] / seconds[BatchInvariance.PADDED][1])
    return moves, median(lone), median(crowd)


def main() -> None:
    """Measure, and print a line for each task."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.batch_invariance", description=__doc__)
    parser.add_argument("--preset", default="starter")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    settings = Settings(_env_file=None, preset=options.preset)
    preset = chosen_preset(settings, options.preset)
    device = Device.choose("cpu", options.precision)
    typer.echo(Machine())
    for task in options.tasks.split(","):
        folder = fetch(preset.checkpoints[task], settings.cache_dir, Silent())
        moves, lone, crowd = measure(load_head(folder, device), task, options.requests, options.rounds)
        for invariance, found in moves.items():
            typer.echo(
                f"{task}, {device.precision}, {invariance}: numbers of {found.answers} of {found.asked} answers "
                f"moved, by up to {found.by:.2g}; {found.labels} labels changed"
            )
        typer.echo(f"{task}: time / that of padded batches: {lone:.2f} for a lone request, {crowd:.2f} for batches")


if __name__ == "__main__":
    main()
