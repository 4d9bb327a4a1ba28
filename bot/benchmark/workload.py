"""Messages as requests of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from bot.benchmark.corpus import BLOCK, messages
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

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name = name
        self.task: Task[Any] = next(task for task in all_tasks() if task.name == name)
        self._messages = messages(seed)

    def take(self, number: int) -> list[Request[object]]:
        """Return the next requests, from the start of a block of the corpus."""
        texts = list(islice(self._messages, -(-number // BLOCK) * BLOCK))
        return [REQUESTS[self.name](text) for text in texts[:number]]
