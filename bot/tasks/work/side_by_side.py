"""Several task runs at once, so that their rows share batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.inference.operations import OperationCall, TaskRun

T = TypeVar("T")


@dataclass(eq=False)
class SideBySide(Generic[T]):
    """Runs task runs in step: calls of the same operation become one call.

    Their rows run behind those of everybody who waits for an answer. A person waits for these, too, but they are many.
    """

    runs: Sequence[TaskRun[T]]
    tokens: int = field(default=0, init=False)
    """That were read in all."""
    _waiting: dict[int, OperationCall] = field(default_factory=dict, init=False)
    _results: dict[int, T] = field(default_factory=dict, init=False)

    def run(self) -> TaskRun[list[T]]:
        """Run them all; return their results in order."""
        for index in range(len(self.runs)):
            self._advance(index, None)
        while self._waiting:
            first = next(iter(self._waiting.values()))
            together = {index: call for index, call in self._waiting.items() if call.operation is first.operation}
            rows = [row for call in together.values() for row in call.rows]
            self.tokens += sum(row.tokens for row in rows)
            outputs = yield OperationCall(first.operation, rows, behind=True)
            for index, call in together.items():
                own, outputs = outputs[: len(call.rows)], outputs[len(call.rows) :]
                self._advance(index, own)
        return [self._results[index] for index in range(len(self.runs))]

    def _advance(self, index: int, outputs: Any) -> None:
        try:
            self._waiting[index] = self.runs[index].send(outputs)
        except StopIteration as end:
            self._waiting.pop(index, None)
            self._results[index] = end.value
