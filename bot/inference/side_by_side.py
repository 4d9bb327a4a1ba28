"""Several task runs at once, so that their rows share calls, and batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from bot.inference.operations import OperationCall, TaskRun

T = TypeVar("T")


def side_by_side(runs: Sequence[TaskRun[T]]) -> TaskRun[tuple[T, ...]]:
    """Run tasks together: the rows that they ask one operation for at the same time are one call.

    Returns:
        Their values, in order.
    """
    values: dict[int, T] = {}
    outputs: dict[int, list[Any] | None] = dict.fromkeys(range(len(runs)))
    while outputs:
        calls: dict[int, OperationCall] = {}
        for index, output in outputs.items():
            try:
                # `send(None)` begins a generator.
                calls[index] = runs[index].send(output)
            except StopIteration as end:
                values[index] = end.value
        outputs = {}
        for together in _grouped(calls):
            rows = [row for index in together for row in calls[index].rows]
            found = yield replace(calls[together[0]], rows=rows)
            for index in together:
                number = len(calls[index].rows)
                outputs[index], found = found[:number], found[number:]
    return tuple(values[index] for index in range(len(runs)))


def behind(run: TaskRun[T], note: Callable[[OperationCall], None] = lambda call: None) -> TaskRun[T]:
    """Run a task behind those of everybody who waits for an answer.

    Args:
        note: is told each call.
    """
    outputs: list[Any] | None = None
    while True:
        try:
            call = run.send(outputs)
        except StopIteration as end:
            value: T = end.value
            return value
        note(call)
        outputs = yield replace(call, behind=True)


def _grouped(calls: Mapping[int, OperationCall]) -> list[list[int]]:
    """Divide calls into those that may be one."""
    groups: dict[object, list[int]] = {}
    for index, call in calls.items():
        groups.setdefault(call if call.alone else call.operation, []).append(index)
    return list(groups.values())
