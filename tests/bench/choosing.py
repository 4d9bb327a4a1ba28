"""What a request costs on its way through the worker, with and without a checkpoint of its choice.

::

    python -m tests.bench.choosing [number of requests]

A model of two tiny layers answers, and each request is another one, so the way weighs more than anywhere else. Requests
without a choice, with the usual checkpoint, and with an extra one take turns in one process; their processor time is
compared.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from bot.inference.worker import InferenceWorker
from bot.tasks.sentiment import SentimentRequest
from tests import tiny
from tests.support import open_worker, preset_of, with_extras

ROUNDS = 9
WAYS: dict[str, Callable[[str], SentimentRequest]] = {
    "no choice": SentimentRequest,
    "the usual one": lambda text: SentimentRequest(text, checkpoint="tiny-distilbert"),
    "an extra one": lambda text: SentimentRequest(text, checkpoint="tiny-copy"),
}


async def seconds_of(worker: InferenceWorker, make: Callable[[str], SentimentRequest], number: int, turn: str) -> float:
    """Return the processor time of a number of requests that arrive together, per request."""
    began = time.process_time()
    await asyncio.gather(*(worker.run(make(f"text {turn} {index}"), person=index) for index in range(number)))
    return (time.process_time() - began) / number


async def compare(number: int) -> None:
    """Print each way's time, and its ratio to the first one's in the same round."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        tiny.distilbert(place / "distilbert")
        shutil.copytree(place / "distilbert", place / "copy")  # the same weights, for the same work
        preset = with_extras(preset_of({"sentiment": place / "distilbert"}), place / "copy")
        async with open_worker(preset, place / "cache") as worker:
            await worker.preload()
            times: dict[str, list[float]] = {way: [] for way in WAYS}
            for turn in range(ROUNDS + 1):  # the first loads and warms up
                for way, make in WAYS.items():
                    spent = await seconds_of(worker, make, number, f"{turn} {way}")
                    if turn:
                        times[way].append(spent)
    base = times["no choice"]
    for way, found in times.items():
        ratio = median(one / other for one, other in zip(found, base, strict=True))
        sys.stdout.write(f"{way:>14}: {median(found) * 1e6:6.0f} µs of processor time per request, ratio {ratio:.3f}\n")


if __name__ == "__main__":
    asyncio.run(compare(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
