"""Which rows share a batch: pure functions, without a clock or threads.

A batch is formed from the waiting rows when a device is free. Fair queueing chooses its first row. The others are the
rows of the same operation that are nearest to it in length, as long as the padded batch stays within the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Protocol, TypeVar

from bot.inference.operations import Budget


class Batchable(Protocol):
    """What batching needs to know of a row."""

    @property
    def tokens(self) -> int: ...

    @property
    def order(self) -> tuple[float, int]:
        """Its rank among waiting rows; the smallest is due first."""


RowT = TypeVar("RowT", bound=Batchable)

order_of = attrgetter("order")
"""A row's order, as a key to sort by."""


def gather(due: RowT, nearest: Iterable[Sequence[Sequence[RowT]]], budget: Budget) -> list[RowT]:
    """Return the batch that is led by `due`: it, and the other rows that fit, nearest in length first.

    Rows that are equally near go in their order. Rows of one length fit or don't fit alike, so the first of them that
    does not fit speaks for all, until another row has joined.

    Args:
        nearest: see `by_distance`; may hold `due` itself.
    """
    batch, longest, total = [due], max(1, due.tokens), due.tokens
    for equally_near in nearest:
        refused: set[int] = set()
        rows = equally_near[0] if len(equally_near) == 1 else sorted(chain(*equally_near), key=order_of)
        for row in rows:
            if row is due or row.tokens in refused:
                continue
            if len(batch) >= budget.rows or longest * (len(batch) + 1) > budget.padded_tokens:
                return batch
            widest = max(longest, row.tokens)
            padded = widest * (len(batch) + 1)
            if padded > budget.padded_tokens or 1 - (total + row.tokens) / padded > budget.waste:
                refused.add(row.tokens)
                if len(refused) == len(equally_near):
                    break
                continue
            batch.append(row)
            longest, total = widest, total + row.tokens
            refused.clear()
    return batch


def by_distance(by_length: Mapping[int, Sequence[RowT]], tokens: int) -> Iterator[list[Sequence[RowT]]]:
    """Yield the rows that are nearest to a length, then the next ones: those of one or two lengths each time.

    Args:
        by_length: the rows of each length, in their order.
    """

    def distance(length: int) -> int:
        return abs(length - tokens)

    for _, lengths in groupby(sorted(by_length, key=distance), key=distance):
        yield [by_length[length] for length in lengths]


def padding_waste(lengths: Sequence[int]) -> float:
    """Return the share of a batch's tokens that is padding, 0 to 1."""
    return 1 - sum(lengths) / (max(1, *lengths) * len(lengths))
