"""A worker whose model hangs, run as the command line runs it: `python -m … FOLDER HANG_SECONDS`.

It imports no PyTorch, so that it starts in a second.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot import __main__ as command_line
from bot.errors import NotResponding
from bot.inference.answering import Answering
from bot.inference.checkpoints import pool
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.operations import Budget
from bot.inference.worker import InferenceWorker, Limits
from bot.stopping import beside, end_within, stop_signals, until_stopped
from tests.inference.toys import PRESET, TASK, ToyHead, ToyRequest, outcomes, until
from tests.support import CPU


def serve(cache: Path, hang_seconds: float) -> None:
    """Run a worker whose model hangs."""
    heads: list[ToyHead] = []

    def load_head(*arguments: Any) -> ToyHead:
        heads.append(ToyHead(Budget(64, rows=8)))
        heads[-1].fault = lambda values: threading.Event().wait()
        return heads[-1]

    vars(pool).update(fetch=lambda spec, cache, report: cache, load_head=load_head)
    logging.basicConfig(level="INFO")

    async def run() -> None:
        limits = Limits(seconds=600, drain_seconds=0.5, hang_seconds=hang_seconds)
        with stop_signals() as stop:
            async with InferenceWorker([TASK], CheckpointPool(PRESET, CPU, cache), CPU, limits) as worker:
                answers = [worker.submit(ToyRequest(index), person=index) for index in range(2)]
                await until(lambda: any(head.running for head in heads))
                say("hanging")
                again = asyncio.create_task(ask_again(worker, answers[0]))
                async with beside(worker.until_broken()) as hung:
                    try:
                        await until_stopped(stop, hung)
                    finally:
                        end_within(60, 99)
                        await worker.aclose()
                        again.cancel()
                        say(str([type(one).__name__ for one in await outcomes(*answers)]))

    command_line.main(lambda: command_line.run_coroutine(run()))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ask_again(worker: InferenceWorker, first: Answering[Any]) -> None:
    """Whoever was told that it hangs asks again, and so it hangs again."""
    with suppress(NotResponding):
        await first
    with suppress(NotResponding):
        await worker.run(ToyRequest(5), person=5)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]))
