"""What is asked: a message as a request of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.benchmark.corpus import BLOCK, Corpus
from bot.inference.requests import Request
from bot.inference.task import Task
from bot.tasks import all_tasks
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.prompts.cloze import BLANK
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest

NEW_TOKENS = 32
LABELS = ("technology", "sports", "food and drink", "travel", "everyday life")


def _fill(text: str) -> FillRequest:
    words = text.split(" ")
    words[min(len(words) // 2, 10)] = BLANK  # within every model's context
    return FillRequest(" ".join(words))


REQUESTS: Mapping[str, Callable[[str], Request[object]]] = {
    "sentiment": SentimentRequest,
    "fill": _fill,
    "zeroshot": lambda text: ZeroShotRequest(text, LABELS),
    "generate": lambda text: GenerateRequest(text, max_new_tokens=NEW_TOKENS),
    "translate": lambda text: TranslateRequest(text, "de"),
}
"""By task, the request about a message."""


class Workload:
    """One task's requests. No text comes twice, so no cache can answer them."""

    def __init__(self, name: str, corpus: Corpus) -> None:
        self.name = name
        [self.task] = [task for task in all_tasks() if task.name == name]
        self._corpus = corpus

    task: Task[Any]

    def take(self, number: int) -> list[Request[object]]:
        """Return the next requests, from the start of a block of the corpus."""
        texts = self._corpus.take(-(-number // BLOCK))[:number]
        return [REQUESTS[self.name](text) for text in texts]
