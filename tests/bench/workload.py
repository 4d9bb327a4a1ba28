"""The workload of `bot.benchmark`, with texts of bounded length and a count of generated tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.benchmark import workload
from bot.benchmark.naive import written
from bot.benchmark.workload import NEW_TOKENS
from bot.inference.operations import Row, TaskRun
from bot.inference.task import HeadKind
from bot.tasks.generate import GenerateResult


class Tally:
    """A count of generated tokens that any thread may add to."""

    def __init__(self) -> None:
        self.tokens = 0
        self._lock = threading.Lock()

    def add(self, tokens: int) -> None:
        with self._lock:
            self.tokens += tokens


class Workload(workload.Workload):
    """One task's requests, whose generated tokens are counted.

    Translations are cut off after `NEW_TOKENS`, because those of checkpoints with random weights would not end.
    """

    def __init__(self, name: str, seed: int = 0) -> None:
        super().__init__(name, seed)
        self.tally = Tally()
        counting = {
            kind: replace(one, run=self._counting(kind, one.run)) for kind, one in self.task.implementations.items()
        }
        self.task = replace(self.task, implementations=counting)

    def generates(self, kind: HeadKind) -> bool:
        """Return whether tokens per second say how fast this is on a kind of head."""
        return self.name == "generate" or (self.name == "translate" and kind is HeadKind.SEQ2SEQ_LM)

    def _counting(self, kind: HeadKind, run: Callable[[Any, Any], TaskRun[Any]]) -> Callable[[Any, Any], TaskRun[Any]]:
        if kind is HeadKind.SEQ2SEQ_LM:
            return lambda head, request: _cut_off(run(head, request), head, self.tally)
        if self.name == "generate":
            return lambda head, request: _counted(run(head, request), self.tally)
        return run


def _cut_off(calls: TaskRun[Any], head: Any, tally: Tally) -> TaskRun[Any]:
    """Run an encoder-decoder's operation calls with at most `NEW_TOKENS` written in each, and count them."""
    outputs = None
    while True:
        try:
            call = calls.send(outputs)
        except StopIteration as end:
            return end.value
        for row in call.rows:
            _shorten(row)
        outputs = yield call
        tally.add(written(outputs, head.end_ids))


def _shorten(row: Row[Any]) -> None:
    surplus = max(0, row.inputs.max_new_tokens - NEW_TOKENS)
    row.inputs = replace(row.inputs, max_new_tokens=row.inputs.max_new_tokens - surplus)
    row.tokens -= surplus


def _counted(calls: TaskRun[GenerateResult], tally: Tally) -> TaskRun[GenerateResult]:
    result = yield from calls
    tally.add(sum(continuation.tokens for continuation in result.continuations))
    return result
