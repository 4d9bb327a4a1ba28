"""`python -m tests.bench.observing`: what does it cost a worker that an operator sees it?

The same worker answers the sentiment workload in alternating runs, with and without an observer that fills Prometheus's
histograms. Printed: the ratios of the rates, and of the processor time for a request, which depends less on what else
the machine does. With DistilBERT's shape, and with a tiny checkpoint, of which nearly all time is Python around it. And
the processor time of the observer alone, which a busy machine hardly changes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch
import typer
from prometheus_client import CollectorRegistry

from bot.benchmark.comparison import _ask_worker
from bot.benchmark.load import closed_loop
from bot.benchmark.workload import Workload
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.observer import Observer, Unobserved
from bot.inference.worker import InferenceWorker, Limits
from bot.operating.meter import PrometheusMeter
from bot.operating.worker_metrics import WorkerMetrics
from bot.settings import Settings
from tests import tiny
from tests.bench.shapes import course_shapes
from tests.support import open_worker, preset_of

USERS = 64
TASK = "sentiment"


async def run(worker: InferenceWorker, observer: Observer, workload: Workload, number: int) -> tuple[float, float]:
    """Answer some requests; return the seconds and the processor seconds for each."""
    worker._observer = worker._queue._observer = observer
    requests = workload.take(number)
    gc.collect()
    began = time.process_time()
    done = await closed_loop(partial(_ask_worker, worker), requests, USERS)
    return done.seconds / number, (time.process_time() - began) / number


async def measure(name: str, preset: Preset, cache: Path, number: int, rounds: int) -> None:
    """Print one line about a checkpoint."""
    workload = Workload(TASK)
    observers = Unobserved(), WorkerMetrics(PrometheusMeter(CollectorRegistry()))
    limits = Limits(requests=2 * USERS, per_person=2, seconds=3_600)
    async with open_worker(preset, cache, limits=limits) as worker:
        await worker.load([TASK])
        await run(worker, observers[0], workload, number)  # warms up
        pairs = []
        for index in range(rounds):
            order = (0, 1) if index % 2 else (1, 0)
            measured = {which: await run(worker, observers[which], workload, number) for which in order}
            pairs.append((measured[0], measured[1]))
    rate = 1 / median(plain[0] for plain, _ in pairs)
    typer.echo(
        f"{name}: {rate:.0f} requests a second without an observer; rate with one "
        f"{_ratio([plain[0] / seen[0] for plain, seen in pairs])}, processor time with one "
        f"{_ratio([seen[1] / plain[1] for plain, seen in pairs])} of that without, median (quartiles) of {rounds} pairs"
    )


def direct(batches: int = 100) -> float:
    """Return the processor seconds that `WorkerMetrics` alone takes for each request of full batches, at best."""
    metrics = WorkerMetrics(PrometheusMeter(CollectorRegistry()))
    lengths, waits = list(range(5, 5 + USERS)), [0.0123] * USERS
    measured = []
    for _ in range(9):
        began = time.process_time()
        for _ in range(batches):
            metrics.batch("classify", lengths, waits)
            for _ in range(USERS):
                metrics.answered(TASK, 0.05, None)
        measured.append((time.process_time() - began) / batches / USERS)
    return min(measured)


def _ratio(ratios: Sequence[float]) -> str:
    ordered = sorted(ratios)
    quarter = len(ordered) // 4
    return f"{median(ordered):.3f} ({ordered[quarter]:.3f} – {ordered[-1 - quarter]:.3f})"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="pairs of runs")
    parser.add_argument("--requests", type=int, default=2_000, help="of a run with the tiny checkpoint")
    parser.add_argument("--large-requests", type=int, default=128, help="of a run with DistilBERT's shape")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    typer.echo(
        f"An observer alone takes {1e6 * direct():.1f} µs of processor time for each request of a batch of {USERS}."
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        tiny.distilbert(path / "distilbert")
        small = preset_of({TASK: path / "distilbert"})
        await measure("tiny DistilBERT", small, path, chosen.requests, chosen.rounds)
        if chosen.large_requests:
            shapes = course_shapes(Settings().cache_dir, typer.echo, [TASK])
            await measure("DistilBERT's shape", shapes, path, chosen.large_requests, chosen.rounds)


if __name__ == "__main__":
    asyncio.run(main())
