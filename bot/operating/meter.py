"""Counters and histograms, whoever collects them: Prometheus, or Ray in its replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Protocol, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram

Count: TypeAlias = Callable[..., None]
"""`count(*labels)` adds one."""
Observe: TypeAlias = Callable[..., None]
"""`observe(values, *labels)` adds values."""


class Meter(Protocol):
    """Makes instruments. Labels are given by their values, in the order of their names."""

    def counter(self, name: str, description: str, labels: Sequence[str]) -> Count:
        """Make a counter; its name ends with `_total` when it is scraped."""

    def histogram(self, name: str, description: str, labels: Sequence[str], buckets: Sequence[float]) -> Observe:
        """Make a histogram.

        Args:
            buckets: their upper bounds.
        """


class PrometheusMeter(Meter):
    """Makes instruments in a registry of Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, description: str, labels: Sequence[str]) -> Count:
        child = cache(Counter(name, description, labels, registry=self._registry).labels)
        return lambda *values: child(*values).inc()

    def histogram(self, name: str, description: str, labels: Sequence[str], buckets: Sequence[float]) -> Observe:
        family = Histogram(name, description, labels, registry=self._registry, buckets=buckets)
        child: Callable[..., Histogram] = cache(family.labels) if labels else lambda: family

        def observe(values: Iterable[float], *of: str) -> None:
            histogram = child(*of)
            for value in values:
                histogram.observe(value)

        return observe
