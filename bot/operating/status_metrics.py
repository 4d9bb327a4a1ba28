"""Metrics from the status of a backend, in this process or elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.inference.status import CheckpointStatus, DeviceStatus, Phase, WorkerStatus

Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]
"""Values with those of their labels."""

PER_DEVICE = ("device", "name")
PER_CHECKPOINT = ("checkpoint",)


class StatusMetrics(Collector):
    """Reads a status at each scrape, so that they cost the worker nothing.

    Attributes:
        status: the newest; None before the first.
    """

    def __init__(self) -> None:
        self.status: WorkerStatus | None = None

    def describe(self) -> Iterable[Metric]:
        return ()  # otherwise the registry collects when it is told of this

    def collect(self) -> Iterator[Metric]:
        if (status := self.status) is None:
            return
        yield _gauge("glassbox_worker_accepting", "Whether the backend accepts requests.", (), [((), status.accepting)])
        yield _gauge("glassbox_worker_requests", "Accepted and not yet answered.", (), [((), status.requests)])
        yield _gauge("glassbox_worker_rows_waiting", "Rows queued for a device.", (), [((), status.rows_waiting)])
        yield _counter("glassbox_worker_evictions", "Checkpoints evicted.", (), [((), status.evictions)])
        yield from _of_devices(status.devices)
        yield from _of_checkpoints(status.checkpoints)


def _of_devices(devices: Sequence[DeviceStatus]) -> Iterator[Metric]:
    numbered = [((str(index), one.name), one) for index, one in enumerate(devices)]
    for name, description, attribute in (
        ("batches", "Forward passes that new rows have joined.", "batches"),
        ("rows", "Rows in them.", "rows"),
        ("tokens", "Tokens of these rows, including those that are still to be generated.", "tokens"),
        ("padded_tokens", "The same, padding included.", "padded_tokens"),
        ("busy_seconds", "Time in forward passes.", "busy_seconds"),
    ):
        values = [(labels, getattr(one, attribute)) for labels, one in numbered]
        yield _counter(f"glassbox_device_{name}", description, PER_DEVICE, values)
    weights = [(labels, one.weight_bytes) for labels, one in numbered]
    yield _gauge("glassbox_device_weight_bytes", "Weights of loaded checkpoints.", PER_DEVICE, weights)
    limits = [(labels, one.memory_limit) for labels, one in numbered if one.memory_limit is not None]
    yield _gauge("glassbox_device_memory_limit_bytes", "The most of these.", PER_DEVICE, limits)


def _of_checkpoints(checkpoints: Sequence[CheckpointStatus]) -> Iterator[Metric]:
    phases = [((one.name, phase.value), one.phase is phase) for one in checkpoints for phase in Phase]
    yield _gauge("glassbox_checkpoint_phase", "1 for the current phase.", ("checkpoint", "phase"), phases)
    sizes = [((one.name,), one.bytes) for one in checkpoints]
    yield _gauge("glassbox_checkpoint_weight_bytes", "On all devices together.", PER_CHECKPOINT, sizes)
    users = [((one.name,), one.requests) for one in checkpoints]
    yield _gauge("glassbox_checkpoint_requests", "Requests that use it or wait for it.", PER_CHECKPOINT, users)
    nonfinite = [((one.name,), one.nonfinite) for one in checkpoints]
    yield _counter("glassbox_checkpoint_nonfinite", "Requests that failed for NaN.", PER_CHECKPOINT, nonfinite)


def _gauge(name: str, description: str, labels: Sequence[str], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, description, labels=labels), samples)


def _counter(name: str, description: str, labels: Sequence[str], samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(name, description, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family
