"""What a soak has seen, and what of it must not be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.bench.growth import Growth
from tests.faults.crowd.endings import Ending
from tests.faults.crowd.people import PEOPLE
from tests.faults.crowd.samples import SETTLED, Held, median, percentile

LATE_SECONDS = 0.5
"""By which a heartbeat must not be late."""
LAG_P99 = 25.0
"""Milliseconds."""
LEAST_BYTES, FILLING_BYTES = 1_000, 30_000
"""Of memory, by which no interaction may make it grow: when caches have filled, and while they do."""


@dataclass
class Soak:
    """What was seen.

    Attributes:
        ended: outcomes by the process's own count.
        before, after: what the process held when all had been used once, and at the end.
        latest_heartbeat: by how many seconds the latest one was late.
    """

    seconds: float
    asked: int
    tally: Counter[Ending]
    by_kind: Counter[tuple[str, Ending]]
    told: Counter[tuple[str, str]]
    waits: list[tuple[float, str]]
    errors: int
    drops: int
    before: Held
    after: Held
    growth: Growth
    lags: list[float]
    during: list[tuple[str, int]]
    longest_collection: float
    latest_heartbeat: float
    heartbeats: int
    ended: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    memory: tuple[int, int] = (0, 0)
    status: int = 0

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        counted = sum(self.tally.values())
        found = [f"{number} {what}" for what in (Ending.LOST, Ending.TWICE) if (number := self.tally[what])]
        if counted != self.asked:
            found.append(f"{self.asked} were asked, and {counted} have an ending")
        found += [f"a leak: {leak}" for leak in self.after.leaks_since(self.before)]
        if self.status:
            found.append(f"the process ended with status {self.status}")
        return found

    @property
    def late(self) -> list[str]:
        """What was too slow, or grew; only on a machine that does nothing else is that the bot's fault."""
        found = []
        if (p99 := percentile(self.lags, 0.99)) > LAG_P99:
            found.append(f"the event loop's lag has a 99th percentile of {p99:.0f} ms")
        if self.latest_heartbeat > LATE_SECONDS:
            found.append(f"a heartbeat was {self.latest_heartbeat:.1f} s late")
        if self.growth.bytes_per_request > (LEAST_BYTES if self.asked >= 2 * SETTLED else FILLING_BYTES):
            found.append(f"memory grows by {self.growth.bytes_per_request:,.0f} bytes an interaction")
        return found

    def lines(self) -> list[str]:
        """Return a report."""
        waits, lags, grown = sorted(one for one, _ in self.waits), self.lags, self.growth
        slowest = ", ".join(f"{what} {seconds:.0f}" for seconds, what in sorted(self.waits)[:-6:-1])
        endings = ", ".join(f"{self.tally[one]:,} {one}" for one in Ending)
        return [
            f"{PEOPLE} people, {self.seconds:.0f} s, {self.asked:,} interactions of {len(self.by_kind)} kinds and "
            f"endings; {self.errors} errors of Discord, {self.drops} connections of the gateway dropped",
            f"endings: {endings}",
            f"by the process's own count: {', '.join(f'{number:,} {what}' for what, number in self.ended.items())}",
            f"seconds until the end: median {median(waits):.2f}, p99 {percentile(waits, 0.99):.2f}, "
            f"longest {waits[-1]:.2f}; the slowest were {slowest}",
            f"event loop's lag in ms: p50 {percentile(lags, 0.5):.1f}, p99 {percentile(lags, 0.99):.1f}, "
            f"p99.9 {percentile(lags, 0.999):.1f}, longest {lags[-1]:.1f}, of {len(lags):,}; longest "
            f"garbage collection {self.longest_collection:.1f}",
            f"heartbeats: {self.heartbeats}, the latest {1000 * self.latest_heartbeat:.0f} ms late",
            f"memory: {self.memory[0] / 1e6:.0f} MB after everything was used once, {self.memory[1] / 1e6:.0f} MB at "
            f"the end; {grown.verdict} ({grown.bytes / 1e6:+.1f} MB in {grown.requests:,}, "
            f"{grown.bytes_per_request:+,.0f} ± {grown.margin:,.0f} bytes each)",
            f"held before: {self.before}",
            f"held after:  {self.after}",
            *(f"while late, {number} ×: {what}" for what, number in self.during),
            *self.strange,
        ]
