"""One bad row never hurts its batch: a batch that fails is halved until the culprit is alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from bot.errors import DeviceFailed, ModelFailed, OutOfMemory, Unanswered, describe
from bot.inference.compute.device_faults import is_final
from bot.inference.compute.memory import Shortage, is_out_of_memory
from bot.inference.operations import AnyRow, Operation, OutputT
from bot.request_ids import working_for

log = logging.getLogger(__name__)

OnShortage: TypeAlias = Callable[[Sequence[AnyRow]], object]
"""Hears of rows that were too many for the memory when they shared a pass."""


def run_isolated(
    operation: Operation[Any, OutputT], rows: Sequence[AnyRow], on_shortage: OnShortage = lambda rows: None
) -> list[OutputT | Unanswered]:
    """Run a batch; if it fails, run its halves.

    Args:
        on_shortage: called with rows that were too many for the memory.

    Returns:
        For each row its output, or the error that it alone gets.
    """
    return _halved(operation, rows, on_shortage, Shortage())


def _halved(
    operation: Operation[Any, OutputT], rows: Sequence[AnyRow], on_shortage: OnShortage, shortage: Shortage
) -> list[OutputT | Unanswered]:
    try:
        outputs = list(operation.run(rows))
        if len(outputs) != len(rows):
            raise RuntimeError(f"{operation.name} returned {len(outputs)} outputs for {len(rows)} rows")
        return operation.checked(outputs)
    except BaseException as error:  # `SystemExit` too: it is no reason to end the process
        short_of_memory = is_out_of_memory(error)
        if len(rows) == 1 or is_final(error):
            return [failure_of(operation.name, error, row) for row in rows]
    # Outside the handler, in which the error's traceback keeps the failed batch's tensors alive.
    if short_of_memory:
        on_shortage(rows)
        shortage.free()
    # A batch that exceeds the memory fits when it is halved, and a row that the model cannot process ends up alone.
    middle = len(rows) // 2
    return [
        *_halved(operation, rows[:middle], on_shortage, shortage),
        *_halved(operation, rows[middle:], on_shortage, shortage),
    ]


def failure_of(name: str, error: BaseException, row: AnyRow) -> Unanswered:
    """Return the error of a row that fails even alone; log its cause with the operation's name, without the text."""
    with working_for([row.request_id]):
        log.error("%s failed: %s", name, describe(error))
    if is_final(error):
        return DeviceFailed()
    return OutOfMemory() if is_out_of_memory(error) else ModelFailed()
