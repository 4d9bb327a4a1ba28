"""Describes checkpoints: from the catalogue, from their files, and from what is loaded."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

from bot.errors import GlassboxError, describe
from bot.inference.backend import CheckpointStatus
from bot.inference.checkpoints.anatomy import read_anatomy
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.checkpoints.description import CheckpointDescription, Files, Loaded, Replica, source_of
from bot.inference.checkpoints.models import Phase
from bot.inference.checkpoints.residency import LoadedModel, Resident
from bot.inference.checkpoints.sources import Silent, fetch, is_present
from bot.inference.checkpoints.sources.folder import is_loadable

log = logging.getLogger(__name__)

_SNAPSHOTS = "snapshots"
"""In the hub's cache, the folder of a repository's files at one commit is called after the commit, and lies here."""


class FilesOnDisk:
    """Finds the files of checkpoints, and remembers what it has read of them.

    Args:
        cache: where checkpoints are kept that have been fetched.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, Files] = {}
        self._reading = asyncio.Lock()

    async def of(self, resident: Resident) -> Files | None:
        """A checkpoint's files; None where they are not on this machine. Uses no network."""
        key = resident.state.spec.key
        async with self._reading:  # one at a time: it is the devices that should have the cores
            if key in self._known:
                return self._known[key]
            complete = resident.state.phase is not Phase.FETCHING
            found = await asyncio.to_thread(self._read, resident.state.spec, resident.folder)
            if complete and found is not None and found.anatomy is not None:
                self._known[key] = found
            return found

    def _read(self, spec: CheckpointSpec, folder: Path | None) -> Files | None:
        try:
            folder = folder or _found(spec, self._cache)
            if folder is None:
                return None
            size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            commit = folder.name if folder.parent.name == _SNAPSHOTS else None
            return Files(size, commit, read_anatomy(folder))
        except (OSError, GlassboxError) as error:
            log.info("the files of %s could not be looked at: %s", spec.name, describe(error))
            return None


def description(resident: Resident, status: CheckpointStatus, files: Files | None) -> CheckpointDescription:
    """All that can be said of a checkpoint now."""
    state, spec, model = resident.state, resident.state.spec, resident.model
    return CheckpointDescription(
        status=status,
        doing=state.doing,
        fraction=state.fraction,
        seconds_left=state.seconds_left,
        source=source_of(spec),
        licence=spec.licence,
        declared_family=spec.family,
        download_mb=spec.size_mb,
        note=spec.note,
        files=files,
        loaded=None if model is None else _loaded(model),
    )


def _loaded(model: LoadedModel) -> Loaded:
    """What is known of a checkpoint while it is loaded. Reads no weights, and takes well under a millisecond."""
    names = Counter(device.name for device in model.devices)
    replicas = tuple(
        # The replicas on devices of one name (two sockets of a machine) are alike.
        Replica(device.name, model.precision_on(place), model.bytes[device.name] // names[device.name])
        for place, device in enumerate(model.devices)
    )
    head = model.head
    return Loaded(head.kind.value, head.parameters, head.context_length, len(head.tokenizer), replicas)


def _found(spec: CheckpointSpec, cache: Path) -> Path | None:
    """Where a checkpoint's files are, if they are on this machine already."""
    if isinstance(spec.source, FolderSource) and not is_loadable(spec.source.path):
        return None  # perhaps a GGUF file, which would have to be read from end to end
    return fetch(spec, cache, Silent()) if is_present(spec, cache) else None
