"""Chooses the rows that share a batch: pure functions, without a clock or threads."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Protocol, TypeVar

from bot.inference.operations import Budget


class Batchable(Protocol):
    """A row, as far as batching needs to know it."""

    @property
    def tokens(self) -> int: ...

    @property
    def order(self) -> tuple[float, int]:
        """Its rank among waiting rows; the smallest is due first."""


RowT = TypeVar("RowT", bound=Batchable)

order_of = attrgetter("order")
"""A row's order, as a key to sort by."""


def gather(due: RowT, nearest: Iterable[Sequence[Sequence[RowT]]], budget: Budget) -> list[RowT]:
    """Return the batch that is led by `due`: it, and the other rows that fit, nearest in length first, then in order.

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
                # It speaks for all rows of its length, until another row has joined.
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
    lengths = sorted(by_length)
    above = bisect_left(lengths, tokens)
    below = above - 1
    while below >= 0 or above < len(lengths):
        down = tokens - lengths[below] if below >= 0 else math.inf
        up = lengths[above] - tokens if above < len(lengths) else math.inf
        nearest = []
        if down <= up:
            nearest.append(by_length[lengths[below]])
            below -= 1
        if up <= down:
            nearest.append(by_length[lengths[above]])
            above += 1
        yield nearest


def padding_waste(lengths: Sequence[int]) -> float:
    """Return the share of a batch's tokens that is padding, 0 to 1."""
    return 1 - sum(lengths) / (max(1, *lengths) * len(lengths))
