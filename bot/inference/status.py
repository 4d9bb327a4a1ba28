"""What the status says of devices and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from bot.inference.backend import CheckpointStatus, DeviceStatus
from bot.inference.checkpoints.models import Models
from bot.inference.checkpoints.residency import Resident
from bot.inference.compute.device import Device
from bot.inference.scheduling.queue import DeviceQueue


def device_statuses(devices: Sequence[Device], queue: DeviceQueue, models: Models) -> tuple[DeviceStatus, ...]:
    """What each device has done, and how much of its memory the weights take."""
    used = models.used
    return tuple(
        DeviceStatus(
            name=device.name,
            precision=device.precision,
            batches=figures.batches,
            rows=figures.rows,
            tokens=figures.tokens,
            padded_tokens=figures.padded_tokens,
            busy_seconds=figures.busy_seconds,
            weights=used.get(device.name, 0),
            room=models.room.of(device.name),
        )
        for device, figures in zip(devices, queue.figures_by_device, strict=True)
    )


def checkpoint_status(resident: Resident, queue: DeviceQueue) -> CheckpointStatus:
    """How far a checkpoint is, what it takes, and who uses it."""
    model = resident.model
    return CheckpointStatus(
        name=resident.state.spec.name,
        tasks=resident.tasks,
        phase=resident.state.phase,
        bytes=0 if model is None else model.bytes.total(),
        precision=() if model is None else tuple(map(model.precision_on, range(len(model.heads)))),
        precision_reason="" if model is None else model.head.precision_reason,
        requests=resident.leases,
        idle_seconds=resident.idle_seconds,
        joins=None if model is None else queue.joinable(model.head),
        suspect=resident.suspect,
    )
