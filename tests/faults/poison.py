"""What a text that fails costs everybody else: `python -m tests.faults.poison`.

Some people have texts written and others classified, first undisturbed, and then while somebody else's text, which
makes each pass that reads it fail, arrives again and again.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from bot.errors import ModelFailed
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests import tiny
from tests.support import open_worker, preset_of

EVERY_SECONDS = 0.3
POISON = "qzxq§§"
"""Characters whose tokens, one after the other, make a pass fail."""


@dataclass
class Seconds:
    """How long requests took, in seconds."""

    texts: list[float] = field(default_factory=list)
    classified: list[float] = field(default_factory=list)
    poisoned: int = 0

    def line(self, name: str) -> str:
        """Describe the medians."""
        texts, classified = statistics.median(self.texts), statistics.median(self.classified)
        return (
            f"{name}: {len(self.texts)} texts, median {texts:.3f} s; {len(self.classified)} classified, median "
            f"{classified:.3f} s; {self.poisoned} failed as they should\n"
        )


async def poison(worker: InferenceWorker) -> None:
    """Make passes of `/generate` fail that read a `POISON`."""
    model = await worker._pool.get("generate")
    head: Any = model.head
    bad = torch.tensor(head.tokenizer(f"I love {POISON}")["input_ids"])

    def fail(module: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        ids = options.get("input_ids", arguments[0] if arguments else None)
        read = torch.empty(0) if ids is None else ids.flatten()
        if len(read) >= len(bad) and (read.unfold(0, len(bad), 1) == bad).all(dim=1).any():
            raise RuntimeError("poison")

    head.model.register_forward_pre_hook(fail, with_kwargs=True)


async def measure(worker: InferenceWorker, people: int, seconds: float, every: float | None) -> Seconds:
    """Have texts written and classified for some seconds, with a poisoned one every so often."""
    found, end = Seconds(), time.perf_counter() + seconds

    async def ask(person: int, request: Any, into: list[float], pause: float) -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            await worker.run(request(person), person=person)
            into.append(time.perf_counter() - began)
            await asyncio.sleep(pause)

    async def disturb() -> None:
        while every is not None and time.perf_counter() < end:
            await asyncio.sleep(every)
            try:
                await worker.run(GenerateRequest(f"I love {POISON}", max_new_tokens=20), person=0)
            except ModelFailed:
                found.poisoned += 1

    def text(person: int) -> GenerateRequest:
        return GenerateRequest(f"I love apples, said person {person}", max_new_tokens=200, top_p=0.9)

    def opinion(person: int) -> SentimentRequest:
        return SentimentRequest(f"I love apples {person} {time.perf_counter()}")

    await asyncio.gather(
        *(ask(person, text, found.texts, 0.0) for person in range(1, people + 1)),
        *(ask(100 + person, opinion, found.classified, 0.02) for person in range(2)),
        disturb(),
    )
    return found


@asynccontextmanager
async def opened() -> AsyncIterator[InferenceWorker]:
    """Open a worker with tiny checkpoints, one of which can be poisoned."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = tiny.build_all(Path(folder))
        preset = preset_of({"generate": checkpoints["llama"], "sentiment": checkpoints["distilbert"]})
        limits = Limits(requests=1_000, per_person=100)
        async with open_worker(preset, Path(folder) / "cache", limits=limits) as worker:
            await worker.preload()
            await poison(worker)
            yield worker


async def compare(people: int, seconds: float, every: float) -> None:
    """Measure undisturbed and disturbed, twice in turn, and print both."""
    async with opened() as worker:
        for _ in range(2):
            sys.stdout.write((await measure(worker, people, seconds, None)).line("undisturbed"))
            sys.stdout.write((await measure(worker, people, seconds, every)).line(f"one every {every:g} s"))
            sys.stdout.flush()


def main(
    people: Annotated[int, typer.Option(help="Who have texts written.")] = 8,
    seconds: Annotated[float, typer.Option(help="Of each measurement.")] = 10.0,
    every: Annotated[float, typer.Option(help="Seconds between two poisoned texts.")] = EVERY_SECONDS,
) -> None:
    """Measure what poisoned texts cost everybody else."""
    logging.disable()
    torch.set_num_threads(1)
    asyncio.run(compare(people, seconds, every))


if __name__ == "__main__":
    typer.run(main)
