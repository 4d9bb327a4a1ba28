"""Fixtures for tests of deployments."""

from __future__ import annotations

import pytest

from bot.inference.status import CheckpointStatus, DeviceStatus, Phase, WorkerStatus
from bot.operating.pseudonyms import Pseudonyms
from bot.operating.watch import Watch


@pytest.fixture(scope="session")
def exported() -> frozenset[str]:
    """The names of all metrics that a bot process with a worker exports."""
    watch = Watch(Pseudonyms(b"salt"))
    watch._status.status = WorkerStatus(
        requests=1,
        rows_waiting=1,
        devices=(DeviceStatus("cpu", "float32", 1, 1, 1, 1, 1.0, 1, memory_limit=1),),
        checkpoints=(CheckpointStatus("tiny", ("fill",), Phase.READY, 1, ("float32",), "", 0, 0.0, None),),
        evictions=0,
    )
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    families = list(watch.registry.collect())
    return frozenset(family.name + suffix for family in families for suffix in suffixes[family.type])
