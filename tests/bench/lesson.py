"""The numbers of two lessons in docs/lessons, computed again: `python -m tests.bench.lesson CHECKPOINT_FOLDER`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.replies.work.blocks import plain_page
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest

LESSONS = Path(__file__).parents[2] / "docs" / "lessons"
LESSON = LESSONS / "attributions.md"
TEXT = "I love to hate this course"
ASKED: Mapping[Path, Sequence[Request[Any]]] = {
    LESSON: [SentimentRequest(TEXT)],
    LESSONS / "written.md": [
        GenerateRequest("The capital of France is", max_new_tokens=4, temperature=0.05, seed=1),
        TranslateRequest("The sea is blue.", "fr"),
    ],
}
"""The requests that each lesson is about."""


def numbers(text: str) -> list[str]:
    """Return the signed numbers with two digits or more, and the percentages."""
    return re.findall(r"[+−]\d+\.\d{2,3}|\d+\.\d(?= ?%)", text)


def missing(lesson: str, pages: str) -> Iterator[str]:
    """Yield the lesson's numbers that are not on the pages."""
    found = set(numbers(pages))
    yield from (one for one in numbers(lesson) if one not in found)


def main(folder: Path) -> int:
    """Return 0 if the pages have all numbers of the lessons."""
    head = load_head(folder, Device("cpu", "float32"))
    wrong: list[str] = []
    for lesson, requests in ASKED.items():
        asked = (replace(WorkRequest.of(one), evidence=True, finer=True) for one in requests)
        pages = "\n".join(plain_page(page) for one in asked for page in run_task(show_work(head, one)).pages)
        wrong += missing(lesson.read_text("utf-8"), pages)
    sys.stdout.write(f"{len(wrong)} numbers differ: {', '.join(wrong) or 'none'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
