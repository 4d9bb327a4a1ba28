"""How rows share forward passes, so that no row's numbers depend on who else asks.

Rounding depends on the order in which a kernel adds up, and kernels choose it by the shape of a batch: its width by the
longest row, its number of rows. A row must therefore be computed in a way that only it decides. Of the ways to do
that, the quickest is taken that a probe finds to hold, bit for bit, on this machine and for this checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import torch

from bot.inference.heads.invariance.probing import EXACT, ROUNDED

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

T = TypeVar("T")
U = TypeVar("U")
Numbers = Sequence[torch.Tensor]
"""What was computed for a row."""
Look: TypeAlias = Callable[["Company"], Callable[[Sequence[int]], list[Numbers]]]
"""For a way, the function that computes some of a few test rows together, by their places. Raises where the checkpoint
cannot be computed that way."""

log = logging.getLogger(__name__)

SHAPE_TOKENS, SHAPE_ROWS = 4_096, 64
"""A batch of one shape has this many tokens, and no more rows: a GPU takes about as long for fewer."""
_NOTE = "company"


class Company(StrEnum):
    """How rows share a forward pass.

    Attributes:
        EACH_ROW: any rows; attention looks at each of them by itself, and the other layers see tokens only.
        SAME_WIDTH: rows that are padded to the same width.
        SAME_SHAPE: the same, and every batch of a width has the same number of rows. Repeated rows fill it up.
        ALONE: a forward pass for each row.
        PADDED: any rows, padded to the longest of them. Never chosen: it is there to be compared with.
    """

    EACH_ROW = "each row"
    SAME_WIDTH = "same width"
    SAME_SHAPE = "same shape"
    ALONE = "alone"
    PADDED = "padded"

    def parts(self, widths: Sequence[int]) -> list[list[int]]:
        """The places of the rows in each forward pass. A place that is there again only fills a batch up.

        Args:
            widths: of each row, by itself, padding included.
        """
        if self in (Company.EACH_ROW, Company.PADDED):
            return [list(range(len(widths)))] if widths else []
        if self is Company.ALONE:
            return [[place] for place in range(len(widths))]
        by_width: dict[int, list[int]] = {}
        for place, width in enumerate(widths):
            by_width.setdefault(width, []).append(place)
        if self is Company.SAME_WIDTH:
            return list(by_width.values())
        return [part for width, places in by_width.items() for part in _of_one_shape(places, width)]

    def run(self, rows: Sequence[T], widths: Sequence[int], compute: Callable[[list[T]], Iterable[U]]) -> list[U]:
        """The outputs of rows, in order.

        Args:
            rows: of any widths.
            widths: see `parts`.
            compute: one forward pass; gives an output for each of its rows.
        """
        outputs: dict[int, U] = {}
        for part in self.parts(widths):
            outputs |= zip(part, compute([rows[place] for place in part]), strict=True)
        return [outputs[place] for place in range(len(rows))]


def _of_one_shape(places: Sequence[int], width: int) -> list[list[int]]:
    size = min(SHAPE_ROWS, max(1, SHAPE_TOKENS // max(1, width)))
    parts = [list(places[first : first + size]) for first in range(0, len(places), size)]
    return [[*part, *[part[-1]] * (size - len(part))] for part in parts]


def company_of(head: Head, rows: int, look: Look) -> Company:
    """How rows of a head share forward passes. Found out once for each checkpoint, on the device's thread.

    Args:
        rows: how many test rows there are.
        look: see `Look`.
    """
    if _NOTE not in head.notes:
        head.notes[_NOTE] = _found(head, rows, look) if head.device.on_cpu else Company.SAME_SHAPE
        log.debug("rows of a checkpoint share forward passes: %s", head.notes[_NOTE])
    company: Company = head.notes[_NOTE]
    return company


@contextmanager
def forced(head: Head, company: Company) -> Iterator[None]:
    """Have rows of a head share forward passes in some way inside the body, to compare it with others."""
    before = head.notes.get(_NOTE)
    head.notes[_NOTE] = company
    try:
        yield
    finally:
        head.notes.pop(_NOTE)
        if before is not None:
            head.notes[_NOTE] = before


@torch.inference_mode()
def _found(head: Head, rows: int, look: Look) -> Company:
    right = [look(Company.ALONE)([row])[0] for row in range(rows)]
    for company in (Company.EACH_ROW, Company.SAME_WIDTH):
        try:
            compute = look(company)
            if _holds(head, compute, right):
                return company
        except (
            AttributeError,
            IndexError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            log.debug("rows of a checkpoint cannot be computed by %s: %s", company, type(error).__name__)
    return Company.ALONE


def _holds(head: Head, compute: Callable[[Sequence[int]], list[Numbers]], right: Sequence[Numbers]) -> bool:
    """Whether rows have the same numbers alone and together, in any order, and the right ones."""
    places = range(len(right))
    alone = [compute([place])[0] for place in places]
    # Each row twice and at other places: among more rows than there are here nothing new is to be met.
    together = compute([*places[::-1], *places])
    most = EXACT if head.precision == "float32" else ROUNDED
    if not all(map(_equal, [*alone[::-1], *alone], together)):
        return False
    if head.threads.active and not _same_by_one_thread(compute, alone):
        head.threads.active = False
    return all(_near(found, expected, most) for found, expected in zip(alone, right, strict=True))


def _same_by_one_thread(compute: Callable[[Sequence[int]], list[Numbers]], alone: Sequence[Numbers]) -> bool:
    most = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = compute(range(len(alone)))
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
