"""Fixtures for tests of deployments."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.inference.status import CheckpointStatus, DeviceStatus, Phase, WorkerStatus
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.watch import Watch

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
DEVICE = DeviceStatus("cpu", "float32", 1, 1, 1, 1, 1.0, 1, memory_limit=1)
CHECKPOINT = CheckpointStatus("tiny", ("fill",), Phase.READY, 1, ("float32",), "", 0, 0.0, None)
STATUS = WorkerStatus(requests=1, rows_waiting=1, devices=(DEVICE,), checkpoints=(CHECKPOINT,), evictions=0)


@pytest.fixture(scope="session")
def labels() -> Mapping[str, frozenset[str]]:
    """The labels of all series that a bot process with a worker exports, by their names."""
    watch = Watch(Pseudonyms(b"salt"))
    watch._status.status = STATUS
    found: dict[str, frozenset[str]] = {}
    for collector in list(watch.registry._collector_to_names):
        declared = frozenset(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            of_samples = {label for sample in family.samples for label in sample.labels}
            for suffix in SUFFIXES[family.type]:
                found[family.name + suffix] = declared | of_samples
    return found


@pytest.fixture(scope="session")
def exported(labels: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Their names."""
    return frozenset(labels)
