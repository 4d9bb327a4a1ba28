"""What is asked: a message as a request of each task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.benchmark.corpus import BLOCK, Corpus
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks import all_tasks
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest, GenerateResult
from bot.tasks.prompts.cloze import BLANK
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest

NEW_TOKENS = 32
"""How many tokens are generated, and how many a translation may have at most."""
LABELS = ("technology", "sports", "food and drink", "travel", "everyday life")


def _fill(text: str) -> FillRequest:
    """Hide a word, where every model's context reaches."""
    pieces = text.split(" ")
    pieces[min(len(pieces) // 2, 10)] = BLANK
    return FillRequest(" ".join(pieces))


@dataclass(frozen=True)
class Kind:
    """A task as the benchmark asks it.

    Attributes:
        request: makes a request of a message.
        options: the request as options of its slash command.
    """

    request: Callable[[str], Request[Any]]
    options: Callable[[Any], dict[str, Any]]


KINDS: Mapping[str, Kind] = {
    "sentiment": Kind(SentimentRequest, lambda request: {"text": request.text}),
    "fill": Kind(_fill, lambda request: {"text": request.text}),
    "zeroshot": Kind(
        lambda text: ZeroShotRequest(text, LABELS),
        lambda request: {"text": request.text, "labels": ", ".join(request.labels)},
    ),
    "generate": Kind(
        lambda text: GenerateRequest(text, max_new_tokens=NEW_TOKENS),
        lambda request: {"prompt": request.prompt, "max_new_tokens": request.max_new_tokens},
    ),
    "translate": Kind(
        lambda text: TranslateRequest(text, "de"), lambda request: {"text": request.text, "to": request.target}
    ),
}


class Tally:
    """Counts generated tokens, on any thread."""

    def __init__(self) -> None:
        self.tokens = 0
        self._lock = threading.Lock()

    def add(self, tokens: int) -> None:
        with self._lock:
            self.tokens += tokens


class Workload:
    """One task's requests, each of a text that nobody has asked about before: no cache can answer them.

    Attributes:
        task: the task; translations are cut off after `NEW_TOKENS`, and what is generated is counted.
        tally: the count.
    """

    def __init__(self, name: str, corpus: Corpus) -> None:
        self.name = name
        self.tally = Tally()
        [task] = [task for task in all_tasks() if task.name == name]
        self.task: Task[Any] = replace(
            task, implementations={kind: self._way(kind, way) for kind, way in task.implementations.items()}
        )
        self._corpus = corpus

    def take(self, number: int) -> list[Request[Any]]:
        """The next requests, from the start of a block of the corpus."""
        texts = self._corpus.take(-(-number // BLOCK))[:number]
        return [KINDS[self.name].request(text) for text in texts]

    def generates(self, kind: HeadKind) -> bool:
        """Whether tokens a second say how fast this is on a kind of head."""
        return self.name == "generate" or (self.name == "translate" and kind is HeadKind.SEQ2SEQ_LM)

    def _way(self, kind: HeadKind, way: Callable[[Any, Any], TaskRun[Any]]) -> Callable[[Any, Any], TaskRun[Any]]:
        if kind is HeadKind.SEQ2SEQ_LM:
            return lambda head, request: cut_off(way(head, request), head, self.tally)
        if self.name == "generate":
            return lambda head, request: _counted(way(head, request), self.tally)
        return way


def cut_off(steps: TaskRun[Any], head: Any, tally: Tally) -> TaskRun[Any]:
    """An encoder-decoder's steps, with at most `NEW_TOKENS` written in each, and counted."""
    outputs = None
    while True:
        try:
            step = steps.send(outputs)
        except StopIteration as end:
            return end.value
        for row in step.rows:
            _shorten(row)
        outputs = yield step
        tally.add(written(outputs, ends_of(head)))


def _shorten(row: Row[Any]) -> None:
    surplus = max(0, row.inputs.max_new_tokens - NEW_TOKENS)
    row.inputs = replace(row.inputs, max_new_tokens=row.inputs.max_new_tokens - surplus)
    row.tokens -= surplus


def _counted(steps: TaskRun[GenerateResult], tally: Tally) -> TaskRun[GenerateResult]:
    result = yield from steps
    tally.add(sum(continuation.tokens for continuation in result.continuations))
    return result


def written(sequences: Sequence[Sequence[int]], ends: frozenset[int]) -> int:
    """How many tokens were written before the first that ends a text."""
    return sum(next((place for place, token in enumerate(one) if token in ends), len(one)) for one in sequences)


def ends_of(head: Any) -> frozenset[int]:
    """Tokens of a head after which nothing more is written."""
    declared = head.model.generation_config.eos_token_id
    ends = declared if isinstance(declared, list) else [declared, head.tokenizer.eos_token_id]
    return frozenset(end for end in ends if isinstance(end, int))
