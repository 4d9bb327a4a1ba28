"""Messages of mixed length, as people send them in a chat, and as requests of each task."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from itertools import count, islice
from typing import Any

from bot.inference.requests import Request
from bot.inference.task import Task
from bot.tasks import all_tasks
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.prompts.cloze import BLANK
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest

BLOCK = 20
"""Consecutive messages that have the mix of lengths, so a short measurement costs as much per message as a long one."""
SHORT, LONG = range(5, 41), range(100, 251)
"""Lengths in words and punctuation marks: a tokenizer makes about one token of each."""
NEW_TOKENS = 32
LABELS = ("technology", "sports", "food and drink", "travel", "everyday life")

_PIECES = re.compile(r"[\w']+|[^\w\s]")


def read_sentences() -> list[str]:
    """Return the sentences that messages are cut from."""
    content = resources.files("bot.benchmark").joinpath("corpus.toml").read_text(encoding="utf-8")
    sentences: list[str] = tomllib.loads(content)["sentences"]
    return sentences


def length(text: str) -> int:
    """Return the number of words and punctuation marks."""
    return len(_PIECES.findall(text))


def messages(seed: int = 0) -> Iterator[str]:
    """Yield messages without end: the same for the same seed, and no two alike."""
    random_state, given = random.Random(seed), set[str]()
    sentences = read_sentences()
    for number, wanted in enumerate(_lengths(random_state)):
        for _ in range(100):
            if (text := _message(random_state, sentences, wanted)) not in given:
                break
        else:  # nearly every message of this length has been given out
            text = f"{_message(random_state, sentences, wanted)} {number}"
        given.add(text)
        yield text


def _lengths(random_state: random.Random) -> Iterator[int]:
    """Yield blocks of nineteen short lengths, evenly spread on a logarithmic scale, and a long one of either half."""
    middle = len(LONG) // 2
    for number in count():
        shares = [(index + random_state.random()) / (BLOCK - 1) for index in range(BLOCK - 1)]
        block = [round(SHORT[0] * float((SHORT[-1] / SHORT[0]) ** share)) for share in shares]
        block.append(random_state.choice(LONG[middle:] if number % 2 else LONG[:middle]))
        random_state.shuffle(block)
        yield from block


def _message(random_state: random.Random, sentences: list[str], wanted: int) -> str:
    """Return so many words and marks of sentences in random order, starting somewhere in the first."""
    first = random_state.choice(sentences)
    starts = [piece.start() for piece in _PIECES.finditer(first)]
    text = first[random_state.choice(starts[: len(starts) // 2]) :]
    while length(text) < wanted:
        text += f" {random_state.choice(sentences)}"
    ends = [piece.end() for piece in _PIECES.finditer(text)]
    return text[: ends[wanted - 1]]


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
