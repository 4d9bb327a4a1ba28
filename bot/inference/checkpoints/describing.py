"""Describes checkpoints and devices, from the catalogue, from files and from loaded heads."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bot.errors import GlassboxError, describe
from bot.inference.checkpoints.anatomy import read_anatomy
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.checkpoints.description import CheckpointDescription, Files, Loaded, Replica, source_of
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.checkpoints.residency import LoadedCheckpoint, PooledCheckpoint
from bot.inference.checkpoints.sources import Silent, fetch, is_present
from bot.inference.checkpoints.sources.folder import has_weights
from bot.inference.compute.device import Device
from bot.inference.scheduling.queue import DeviceQueue
from bot.inference.status import CheckpointStatus, DeviceStatus, Phase

log = logging.getLogger(__name__)


class FilesOnDisk:
    """Reads the files of checkpoints, and caches their descriptions.

    Args:
        cache: the folder of fetched checkpoints.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, Files] = {}
        self._reading = asyncio.Lock()

    async def of(self, pooled: PooledCheckpoint) -> Files | None:
        """Return a checkpoint's files; None if they are not on this machine. Uses no network."""
        key = pooled.state.spec.key
        async with self._reading:  # one at a time, because the devices need the cores
            if key in self._known:
                return self._known[key]
            complete = pooled.state.phase is not Phase.FETCHING
            found = await asyncio.to_thread(self._read, pooled.state.spec, pooled.folder)
            if complete and found is not None and found.anatomy is not None:
                self._known[key] = found
            return found

    def _read(self, spec: CheckpointSpec, folder: Path | None) -> Files | None:
        try:
            folder = folder or _found(spec, self._cache)
            if folder is None:
                return None
            size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            # In the hub's cache, a snapshot's folder is named after its commit.
            commit = folder.name if folder.parent.name == "snapshots" else None
            return Files(size, commit, read_anatomy(folder))
        except (OSError, GlassboxError) as error:
            log.info("the files of %s could not be looked at: %s", spec.name, describe(error))
            return None


def device_statuses(devices: Sequence[Device], queue: DeviceQueue, pool: CheckpointPool) -> tuple[DeviceStatus, ...]:
    """Report each device's work, and its memory."""
    used = pool.used
    return tuple(
        DeviceStatus(
            name=device.name,
            precision=device.precision,
            weight_bytes=used.get(device.name, 0),
            memory_limit=pool.limits.of(device.name),
            **vars(totals),
        )
        for device, totals in zip(devices, queue.totals, strict=True)
    )


def checkpoint_status(pooled: PooledCheckpoint, queue: DeviceQueue, offered: tuple[str, ...]) -> CheckpointStatus:
    """Report a checkpoint's phase, its memory and its use.

    Args:
        offered: the tasks for which people may choose it.
    """
    loaded = pooled.loaded
    return CheckpointStatus(
        name=pooled.state.spec.name,
        tasks=pooled.tasks,
        phase=pooled.state.phase,
        bytes=0 if loaded is None else loaded.bytes.total(),
        precision=() if loaded is None else tuple(map(loaded.precision_on, range(len(loaded.heads)))),
        precision_reason="" if loaded is None else loaded.head.precision_reason,
        requests=pooled.leases,
        idle_seconds=pooled.idle_seconds,
        joins=None if loaded is None else queue.joinable(loaded.head),
        nonfinite=pooled.nonfinite,
        offered=offered,
    )


def description(pooled: PooledCheckpoint, status: CheckpointStatus, files: Files | None) -> CheckpointDescription:
    """Describe a checkpoint as it is now."""
    state, spec = pooled.state, pooled.state.spec
    return CheckpointDescription(
        status=status,
        activity=state.activity,
        fraction=state.fraction,
        seconds_left=state.seconds_left,
        source=source_of(spec),
        licence=spec.licence,
        declared_family=spec.family,
        download_mb=spec.size_mb,
        note=spec.note,
        files=files,
        loaded=None if pooled.loaded is None else _loaded(pooled.loaded),
    )


def _loaded(model: LoadedCheckpoint) -> Loaded:
    """Describe a loaded checkpoint. Reads no weights, so it takes less than a millisecond."""
    names = Counter(device.name for device in model.devices)
    replicas = tuple(
        # The replicas on devices of one name (two sockets of a machine) are alike.
        Replica(device.name, model.precision_on(index), model.bytes[device.name] // names[device.name])
        for index, device in enumerate(model.devices)
    )
    head = model.head
    return Loaded(head.kind.value, head.parameters, head.context_length, len(head.tokenizer), replicas)


def _found(spec: CheckpointSpec, cache: Path) -> Path | None:
    """Return the folder of a checkpoint's files, if they are on this machine already."""
    if isinstance(spec.source, FolderSource):
        # Without weights of its own it has perhaps a GGUF file, which would have to be read from end to end.
        return spec.source.path if has_weights(spec.source.path) else None
    return fetch(spec, cache, Silent()) if is_present(spec, cache) else None
