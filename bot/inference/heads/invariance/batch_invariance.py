"""How rows share forward passes so that no row's numbers depend on the others.

Rounding depends on the order in which a kernel adds up, and kernels choose it by the shape of a batch: its width by the
longest row, its number of rows. So a row must be computed in a way that only the row decides. The quickest such mode is
taken that a probe finds to hold, bit for bit, on this machine and for this checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TypeAlias, TypeVar

import torch

from bot.inference.heads.calibration import Calibration
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.probing import UNSUPPORTED, tolerance

T = TypeVar("T")
U = TypeVar("U")
Numbers = Sequence[torch.Tensor]
"""What was computed for a row."""

log = logging.getLogger(__name__)

SHAPE_TOKENS, SHAPE_ROWS = 4_096, 64
"""A batch of one shape has this many tokens, and no more rows: a GPU takes about as long for fewer."""


class BatchInvariance(StrEnum):
    """A way for rows to share forward passes.

    Attributes:
        ROW_ATTENTION: any rows; attention is computed for each by itself, and the other layers see tokens only.
        SAME_WIDTH: rows that are padded to the same width.
        SAME_SHAPE: the same, and every batch of a width has the same number of rows. Repeated rows fill it up.
        ALONE: a forward pass for each row.
        PADDED: any rows, padded to the longest of them. It isn't invariant, and is there to be compared with.
    """

    ROW_ATTENTION = "row attention"
    SAME_WIDTH = "same width"
    SAME_SHAPE = "same shape"
    ALONE = "alone"
    PADDED = "padded"

    def parts(self, widths: Sequence[int]) -> list[list[int]]:
        """Return the indices of the rows in each forward pass. A repeated index only fills a batch up.

        Args:
            widths: of each row, by itself, padding included.
        """
        if self in (BatchInvariance.ROW_ATTENTION, BatchInvariance.PADDED):
            return [list(range(len(widths)))] if widths else []
        if self is BatchInvariance.ALONE:
            return [[index] for index in range(len(widths))]
        by_width: dict[int, list[int]] = {}
        for index, width in enumerate(widths):
            by_width.setdefault(width, []).append(index)
        if self is BatchInvariance.SAME_WIDTH:
            return list(by_width.values())
        return [part for width, indices in by_width.items() for part in _of_one_shape(indices, width)]

    def run(self, rows: Sequence[T], widths: Sequence[int], compute: Callable[[list[T]], Iterable[U]]) -> list[U]:
        """Return the outputs of rows, in order.

        Args:
            rows: of any widths.
            widths: see `parts`.
            compute: one forward pass; gives an output for each of its rows.
        """
        outputs: dict[int, U] = {}
        for part in self.parts(widths):
            outputs |= zip(part, compute([rows[index] for index in part]), strict=True)
        return [outputs[index] for index in range(len(rows))]


def _of_one_shape(indices: Sequence[int], width: int) -> Iterator[list[int]]:
    size = min(SHAPE_ROWS, max(1, SHAPE_TOKENS // max(1, width)))
    for first in range(0, len(indices), size):
        part = indices[first : first + size]
        yield [*part, *[part[-1]] * (size - len(part))]


Compute: TypeAlias = Callable[[BatchInvariance, Sequence[int]], list[Numbers]]
"""Computes some of a few test rows together, by their indices, in a way. Raises if the checkpoint can't do it so."""

_FOUND: Calibration[BatchInvariance] = Calibration("batch invariance")


def batch_invariance(checkpoint: Checkpoint, rows: int, compute: Compute) -> BatchInvariance:
    """Return how a checkpoint's rows share forward passes. The first call finds out, on the device's thread.

    Args:
        rows: the number of test rows.
        compute: see `Compute`.
    """

    def find() -> BatchInvariance:
        found = _found(checkpoint, rows, compute) if checkpoint.device.on_cpu else BatchInvariance.SAME_SHAPE
        log.debug("rows of a checkpoint share forward passes: %s", found)
        return found

    return checkpoint.calibrations.measured(_FOUND, find)


def forced(checkpoint: Checkpoint, mode: BatchInvariance) -> AbstractContextManager[None]:
    """Have rows of a checkpoint share forward passes in some mode inside the body, to compare it with others."""
    return checkpoint.calibrations.replaced(_FOUND, mode)


@torch.inference_mode()
def _found(checkpoint: Checkpoint, rows: int, compute: Compute) -> BatchInvariance:
    right = [compute(BatchInvariance.ALONE, [row])[0] for row in range(rows)]
    for mode in (BatchInvariance.ROW_ATTENTION, BatchInvariance.SAME_WIDTH):
        try:
            if _holds(checkpoint, mode, compute, right):
                return mode
        except UNSUPPORTED as error:
            log.debug("rows of a checkpoint cannot be computed by %s: %s", mode, type(error).__name__)
    return BatchInvariance.ALONE


def _holds(checkpoint: Checkpoint, mode: BatchInvariance, compute: Compute, right: Sequence[Numbers]) -> bool:
    """Return whether rows have the same numbers alone and together, in any order, and the right ones."""
    rows = range(len(right))
    alone = [compute(mode, [row])[0] for row in rows]
    # Each row twice and at other indices: more rows would show nothing that these don't.
    together = compute(mode, [*rows[::-1], *rows])
    if not all(map(_equal, [*alone[::-1], *alone], together)):
        return False
    if checkpoint.threads.active and not _same_by_one_thread(lambda: compute(mode, rows), alone):
        checkpoint.threads.active = False
    most = tolerance(checkpoint.precision)
    return all(_near(found, expected, most) for found, expected in zip(alone, right, strict=True))


def _same_by_one_thread(compute: Callable[[], list[Numbers]], alone: Sequence[Numbers]) -> bool:
    most = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = compute()
    finally:
        torch.set_num_threads(most)
    return all(map(_equal, found, alone))


def _equal(some: Numbers, others: Numbers) -> bool:
    return all(torch.equal(*pair) for pair in zip(some, others, strict=True))


def _near(found: Numbers, right: Numbers, most: float) -> bool:
    return all(
        float((one.float() - other.float()).norm()) <= most * float(other.float().norm())
        for one, other in zip(found, right, strict=True)
    )
