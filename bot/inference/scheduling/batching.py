"""Which rows run together: pure functions, no clock, no threads.

A batch is formed when the device is free, from what waits then. Its first row is the one that is due (fair queueing
over people and over models); the others are the rows of the same operation that are nearest to it in length, as long
as the padded area stays in the budget.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol, TypeVar

from bot.inference.operations import Budget


class Waiting(Protocol):
    """What batching needs to know of a row."""

    @property
    def tokens(self) -> int: ...

    @property
    def tag(self) -> float:
        """Its virtual start time (see `FairClock`): the smallest is due first."""


WaitingT = TypeVar("WaitingT", bound=Waiting)


def gather(due: WaitingT, others: Iterable[WaitingT], budget: Budget) -> list[WaitingT]:
    """The batch that is led by `due`: it, and those of `others` that fit, nearest in length first.

    Among rows equally near in length the one with the smaller tag goes first, so that equal rows run in their order.
    """
    batch = [due]
    longest, total = max(1, due.tokens), due.tokens
    for row in sorted(others, key=lambda row: (abs(row.tokens - due.tokens), row.tag)):
        if len(batch) >= budget.rows:
            break
        widest = max(longest, row.tokens)
        padded = widest * (len(batch) + 1)
        if padded > budget.padded_tokens or 1 - (total + row.tokens) / padded > budget.waste:
            continue
        batch.append(row)
        longest, total = widest, total + row.tokens
    return batch


def alike(lengths: Sequence[int], budget: Budget) -> list[list[int]]:
    """The places of rows in batches of similar length, each within the budget unless one row alone exceeds it."""
    batches: list[list[int]] = []
    total = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[place] * (len(batches[-1]) + 1) if batches else 0
        fits = batches and len(batches[-1]) < budget.rows and padded <= budget.padded_tokens
        if not fits or total + lengths[place] < (1 - budget.waste) * padded:
            batches.append([])
            total = 0
        batches[-1].append(place)
        total += lengths[place]
    return batches


def padding_waste(lengths: Sequence[int]) -> float:
    """The share of a batch's tokens that is padding, 0 to 1."""
    return 1 - sum(lengths) / (max(1, *lengths) * len(lengths))


class FairClock:
    """Start-time fair queueing: who has had the least so far is due next.

    Each flow (a person, or an operation of a model) has a virtual time that moves on by the cost of its work. A flow
    that was idle starts at the present, so that it is neither punished for its past nor paid for its absence.

    Source: Goyal, Vin, Cheng: Start-Time Fair Queueing, SIGCOMM 1996.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._finish: dict[Hashable, float] = {}

    def start(self, flow: Hashable) -> float:
        """The virtual time at which the flow's next work would start."""
        return max(self.now, self._finish.get(flow, 0.0))

    def tag(self, flow: Hashable, cost: float) -> float:
        """The virtual start time of new work; moves the flow on by `cost`."""
        start = self.start(flow)
        self._finish[flow] = start + cost
        return start

    def serve(self, tag: float, work: float = 0.0) -> None:
        """Move the present to the tag of what is being served, and forget the flows that it has overtaken.

        Args:
            work: the cost of all that is served with it. The present moves on by its share among the flows that wait:
                without that, flows which are always new would all start before somebody's second request.
        """
        self.now = max(self.now, tag)
        if work:
            self.now += work / max(1, sum(finish > self.now for finish in self._finish.values()))
        if len(self._finish) > 256:
            self._finish = {flow: finish for flow, finish in self._finish.items() if finish > self.now}

    def forget(self) -> None:
        """Forget all flows: nothing waits, so everyone starts at the same present."""
        self.now = max([self.now, *self._finish.values()])
        self._finish.clear()

    def drop(self, flow: Hashable) -> None:
        """Forget a flow that does not come back."""
        self._finish.pop(flow, None)

    def __len__(self) -> int:
        return len(self._finish)
