"""How rows share forward passes so that no row's numbers depend on the others, bit for bit."""

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
"""A row's outputs."""

log = logging.getLogger(__name__)

SHAPE_TOKENS, SHAPE_ROWS = 4_096, 64
"""A batch of one shape has this many tokens, and no more rows: a GPU takes about as long for fewer."""
ALIKE = 16
"""How often the probe has its first test row in a batch, beside two of each."""


class BatchInvariance(StrEnum):
    """A mode in which rows share forward passes."""

    UNPADDED = "without padding"
    """Any rows, whose tokens stand in one sequence in the layers. Attention is computed for each by itself."""
    ROW_ATTENTION = "row attention"
    """Any rows. Attention is computed for each by itself, and the other layers see tokens only."""
    SAME_WIDTH = "same width"
    """Rows that are padded to the same width."""
    SAME_SHAPE = "same shape"
    """The same, and every batch of a width has the same number of rows. Repeated rows fill it up."""
    ALONE = "alone"
    """A forward pass for each row."""
    PADDED = "padded"
    """Any rows, padded to the longest of them: not invariant, for comparisons."""

    def parts(self, widths: Sequence[int]) -> list[list[int]]:
        """Return the indices of the rows in each forward pass. A repeated index only fills a batch up.

        Args:
            widths: each row's own padded length.
        """
        if self in (BatchInvariance.UNPADDED, BatchInvariance.ROW_ATTENTION, BatchInvariance.PADDED):
            # Sorted, so that rows of one length are neighbours (see `RowAttention`).
            return [sorted(range(len(widths)), key=widths.__getitem__)] if widths else []
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
            widths: see `parts`.
            compute: runs one forward pass, and returns an output for each of its rows.
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
"""Computes test rows, by their indices, in a mode. Raises if the checkpoint doesn't support it."""

_MODE: Calibration[BatchInvariance] = Calibration("batch invariance")


PADDING = (BatchInvariance.ROW_ATTENTION, BatchInvariance.SAME_WIDTH)
"""Modes for any checkpoint, the quickest first."""


def batch_invariance(
    checkpoint: Checkpoint, rows: int, compute: Compute, modes: Sequence[BatchInvariance] = PADDING
) -> BatchInvariance:
    """Return the quickest mode in which a checkpoint is batch-invariant, as a probe with so many test rows finds.

    The first call runs the probe, on the device's thread.

    Args:
        modes: those to try on a CPU, the quickest first.
    """
    # Kernels choose the order of their additions, and so the rounding, by a batch's shape. So no mode may let other
    # rows decide a row's shape.

    def find() -> BatchInvariance:
        on_cpu = checkpoint.device.on_cpu
        found = _found(checkpoint, rows, compute, modes) if on_cpu else BatchInvariance.SAME_SHAPE
        log.debug("rows of a checkpoint share forward passes: %s", found)
        return found

    return checkpoint.calibrations.measured(_MODE, find)


def forced(checkpoint: Checkpoint, mode: BatchInvariance) -> AbstractContextManager[None]:
    """Have a checkpoint use a mode inside the body, to compare it with others."""
    return checkpoint.calibrations.replaced(_MODE, mode)


@torch.inference_mode()
def _found(checkpoint: Checkpoint, rows: int, compute: Compute, modes: Sequence[BatchInvariance]) -> BatchInvariance:
    expected = [compute(BatchInvariance.ALONE, [row])[0] for row in range(rows)]
    for mode in modes:
        try:
            if _holds(checkpoint, mode, compute, expected):
                return mode
        except UNSUPPORTED as error:
            log.debug("rows of a checkpoint cannot be computed by %s: %s", mode, type(error).__name__)
    return BatchInvariance.ALONE


def _holds(checkpoint: Checkpoint, mode: BatchInvariance, compute: Compute, expected: Sequence[Numbers]) -> bool:
    """Return whether rows have the same numbers alone and together, in any order, and the expected ones."""
    rows = range(len(expected))
    alone = [compute(mode, [row])[0] for row in rows]
    # Each row several times and at other indices, because rows of one length share more than others do.
    mixed = [*reversed(rows), *rows, *[0] * ALIKE]
    if not all(map(_equal, [alone[row] for row in mixed], compute(mode, mixed))):
        return False
    if checkpoint.threads.active and not _same_on_one_thread(lambda: compute(mode, rows), alone):
        checkpoint.threads.active = False
    most = tolerance(checkpoint.precision)
    return all(_near(*pair, most) for pair in zip(alone, expected, strict=True))


def _same_on_one_thread(compute: Callable[[], list[Numbers]], alone: Sequence[Numbers]) -> bool:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = compute()
    finally:
        torch.set_num_threads(threads)
    return all(map(_equal, found, alone))


def _equal(some: Numbers, others: Numbers) -> bool:
    return all(torch.equal(*pair) for pair in zip(some, others, strict=True))


def _near(found: Numbers, expected: Numbers, most: float) -> bool:
    pairs = [(one.float(), other.float()) for one, other in zip(found, expected, strict=True)]
    return all(float((one - other).norm()) <= most * float(other.norm()) for one, other in pairs)
