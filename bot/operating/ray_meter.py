"""Counters and histograms that Ray collects: in its replicas, each a process without a port of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ray.util.metrics import Counter, Histogram

from bot.operating.meter import Count, Meter, Observe


class RayMeter(Meter):
    """Makes instruments of Ray, which exports them as `ray_…` at each node's metrics port.

    For a replica's worker: `InferenceWorker(…, observer=WorkerMetrics(RayMeter()))`.
    """

    def counter(self, name: str, description: str, labels: Sequence[str]) -> Count:
        counter = Counter(name, description, tag_keys=tuple(labels))
        return lambda *values: counter.inc(1, tags=dict(zip(labels, values, strict=True)))

    def histogram(self, name: str, description: str, labels: Sequence[str], buckets: Sequence[float]) -> Observe:
        histogram = Histogram(name, description, boundaries=list(buckets), tag_keys=tuple(labels))

        def observe(values: Iterable[float], *of: str) -> None:
            tags = dict(zip(labels, of, strict=True))
            for value in values:
                histogram.observe(value, tags=tags)

        return observe
