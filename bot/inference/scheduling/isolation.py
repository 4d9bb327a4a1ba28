"""One bad row never hurts its batch: a batch that fails is halved until the culprit is alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from bot.errors import ModelFailed, OutOfMemory, Unanswered, describe
from bot.inference.checkpoints.weights import free_memory
from bot.inference.operations import Operation, Row

log = logging.getLogger(__name__)


def run_isolated(operation: Operation[Any, Any], rows: Sequence[Row[Any]]) -> list[Any]:
    """Run a batch; where it fails, run its halves.

    A batch that is too large for the memory fits when halved, and a row that the model cannot digest ends up alone:
    the same halving serves both.

    Returns:
        For each row its output, or the `Unanswered` error that it alone gets.
    """
    try:
        outputs = list(operation.run(rows))
        if len(outputs) != len(rows):
            raise RuntimeError(f"{operation.name} returned {len(outputs)} outputs for {len(rows)} rows")
        return operation.checked(outputs)
    except BaseException as error:  # also `SystemExit`: it is this request's, and no reason to end the process
        short_of_memory = is_out_of_memory(error)
        if len(rows) == 1:
            return [failure_of(operation.name, error)]
    # Outside of the handler: while it runs, the error's traceback keeps the failed batch's tensors alive.
    if short_of_memory:
        free_memory()
    middle = len(rows) // 2
    return run_isolated(operation, rows[:middle]) + run_isolated(operation, rows[middle:])


def failure_of(name: str, error: BaseException) -> Unanswered:
    """What whoever asked is told of a row that fails also alone. It is logged, without its text.

    Args:
        name: of the operation.
    """
    log.error("%s failed: %s", name, describe(error))
    return OutOfMemory() if is_out_of_memory(error) else ModelFailed()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the machine, had no room."""
    if isinstance(error, MemoryError):
        return True
    # On the CPU and on MPS PyTorch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or ("alloc" in str(error).lower() and "memory" in str(error).lower())
    )
