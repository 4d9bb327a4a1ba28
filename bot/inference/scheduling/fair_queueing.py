"""Start-time fair queueing: the flow that has received the least so far is due next."""

from __future__ import annotations

from collections.abc import Hashable


class FairClock:
    """Virtual times of flows: of people, or of operations. Work moves the time of its flow on by its cost.

    Source: Goyal, Vin, Cheng: Start-Time Fair Queueing, SIGCOMM 1996.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._finish: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._finish)

    def start(self, flow: Hashable) -> float:
        """Return the virtual time at which the flow's next work would start."""
        # An idle flow starts at the present: neither punished for its past nor paid for its absence.
        return max(self.now, self._finish.get(flow, 0.0))

    def tag(self, flow: Hashable, cost: float) -> float:
        """Return the start tag of new work, its virtual start time, and move the flow on by `cost`."""
        start = self.start(flow)
        self._finish[flow] = start + cost
        return start

    def serve(self, start_tag: float, work: float = 0.0) -> None:
        """Move the present to the start tag of what is served, and forget the flows that it has overtaken.

        Args:
            work: the cost of everything that is served with it.
        """
        self.now = max(self.now, start_tag)
        # The present moves on by each waiting flow's share of the work. Otherwise, flows that are always new would all
        # start before somebody's second request.
        if work:
            self.now += work / max(1, sum(finish > self.now for finish in self._finish.values()))
        if len(self._finish) > 256:
            self._finish = {flow: finish for flow, finish in self._finish.items() if finish > self.now}

    def reset(self) -> None:
        """Forget all flows, because none waits; all start at the same present."""
        self.now = max([self.now, *self._finish.values()])
        self._finish.clear()

    def drop(self, flow: Hashable) -> None:
        """Forget a flow that does not come back."""
        self._finish.pop(flow, None)
