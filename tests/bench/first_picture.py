"""Seconds until the first picture of which words mattered: `python -m tests.bench.first_picture CHECKPOINT_FOLDER`.

Each is a median, of a checkpoint that has been calibrated, of all that opening the page computes.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest

SENTENCES = "I love to hate this course. Nobody ever tells me what to do, and yet I learn more than I thought."
WORDS = (6, 12, 30, 100)
TIMES = 3


def text_of(words: int) -> str:
    """Return a text of so many words."""
    given = SENTENCES.split()
    return " ".join((given * (words // len(given) + 1))[:words])


def measured(head: Any, words: Sequence[int], times: int = TIMES) -> Iterator[tuple[int, float]]:
    """Yield a number of words, and the median of the seconds of its first picture."""
    run_task(show_work(head, asked(2)))  # calibrates
    for number in words:
        seconds = []
        for _ in range(times):
            began = time.perf_counter()
            run_task(show_work(head, asked(number)))
            seconds.append(time.perf_counter() - began)
        yield number, statistics.median(seconds)


def asked(words: int) -> WorkRequest:
    """Return the request that opening the page makes."""
    return replace(WorkRequest.of(SentimentRequest(text_of(words))), evidence=True)


def main(folder: Path) -> None:
    head = load_head(folder, Device("cpu", "float32"))
    for words, seconds in measured(head, WORDS):
        sys.stdout.write(f"{words} words: {seconds:.1f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
